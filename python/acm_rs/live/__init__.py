"""A model at work beside the historian: rows as they come, alarms as they open and close, what people do with them."""
