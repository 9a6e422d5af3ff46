(function () {
  "use strict";
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var places = Array.prototype.slice.call(document.querySelectorAll(".picture"));
  var touch = window.matchMedia("(pointer: coarse)").matches;
  var overview = document.getElementById("overview-picture");
  var PAPER = 680; // Pixels across a printed page.

  function draw(place) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    var figure = figures[place.dataset.figure];
    // A finger on a picture moves the page.
    figure.layout.dragmode = touch ? false : "zoom";
    if (place.clientWidth < 600) {
      figure.layout.xaxis.nticks = 4;
      figure.layout.annotations.forEach(function (text) { text.font.size = Math.min(text.font.size, 10.5); });
      if (figure.narrow) figure.layout.yaxis3.ticktext = figure.narrow;
    }
    Plotly.newPlot(place, figure.data, figure.layout, { displayModeBar: false, responsive: true, doubleClick: "reset" });
  }

  // The overview first; the others when nothing else is to be done.
  var waiting = places.slice();
  function next() {
    if (!waiting.length) {
      document.documentElement.dataset.drawn = "yes";
      return;
    }
    draw(waiting.shift());
    setTimeout(next, 0);
  }
  next();

  function number(value) {
    return typeof value === "number" ? value : new Date(String(value).replace(" ", "T").replace(/(\.\d{3})\d*$/, "$1") + "Z").getTime();
  }

  function show(begin, end) {
    var dated = overview.layout.xaxis.type === "date";
    var pair = [begin, end].map(function (value) { return dated ? new Date(value).toISOString().replace("Z", "") : value; });
    Plotly.relayout(overview, { "xaxis.range": pair });
  }

  var moves = {
    whole: function () { return whole; },
    "in": function (a, b) { return [a + (b - a) / 4, b - (b - a) / 4]; },
    out: function (a, b) { return [a - (b - a) / 2, b + (b - a) / 2]; },
    earlier: function (a, b) { return [a - (b - a) / 2, b - (b - a) / 2]; },
    later: function (a, b) { return [a + (b - a) / 2, b + (b - a) / 2]; }
  };
  var whole = overview ? figures.overview.layout.xaxis.range.map(number) : [0, 1];

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[data-move], button[data-begin]");
    if (!button || !overview) return;
    if (button.dataset.move) {
      var range = overview.layout.xaxis.range.map(number);
      var pair = moves[button.dataset.move](range[0], range[1]);
      var width = Math.min(pair[1] - pair[0], whole[1] - whole[0]);
      var begin = Math.max(whole[0], Math.min(pair[0], whole[1] - width));
      show(begin, begin + width);
    } else {
      show(number(Number(button.dataset.begin)), number(Number(button.dataset.end)));
      overview.scrollIntoView({ block: "center" });
    }
  });

  var theme = document.querySelector("[data-theme-switch]");
  function dark() {
    return document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function label() { theme.setAttribute("aria-pressed", String(dark())); }
  if (theme) {
    label();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
    theme.addEventListener("click", function () {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      label();
    });
  }

  window.addEventListener("beforeprint", function () {
    places.forEach(function (place) { draw(place); Plotly.relayout(place, { width: PAPER }); });
  });
  window.addEventListener("afterprint", function () {
    places.forEach(function (place) { Plotly.relayout(place, { width: null, autosize: true }); });
  });
})();
