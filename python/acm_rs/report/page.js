(function () {
  "use strict";
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var places = Array.prototype.slice.call(document.querySelectorAll(".picture"));
  var touch = window.matchMedia("(pointer: coarse)").matches;
  var overview = document.getElementById("overview-picture");
  var PAPER = 680; // Pixels across a printed page.
  // Plotly writes into its figures: where each begins and ends is kept.
  var wholes = {};
  Object.keys(figures).forEach(function (name) {
    var range = figures[name].layout.xaxis.range;
    if (range) wholes[name] = range.map(number);
  });

  // Plotly's script lies in the page as a text, so that it keeps nothing waiting, and runs when it is added to it.
  function bringPlotly() {
    if (window.Plotly) return;
    var script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.appendChild(script);
  }

  function draw(place) {
    if (place.dataset.drawn) return;
    bringPlotly();
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
    var still = place.querySelector(".still");
    if (still) still.remove();
    if (place === overview) overview.on("plotly_relayout", moved);
    else follow(place);
  }

  // ---- what is drawn when: the overview, what comes near the screen, the others when nothing else is to be done ----

  function idle(task) {
    if (window.requestIdleCallback) window.requestIdleCallback(task, { timeout: 1000 });
    else setTimeout(task, 50);
  }
  function rest() {
    var place = places.find(function (one) { return !one.dataset.drawn; });
    if (place) {
      draw(place);
      idle(rest);
    } else document.documentElement.dataset.drawn = "yes";
  }
  function begin() {
    draw(overview);
    if (window.IntersectionObserver) {
      var near = new IntersectionObserver(function (seen) {
        seen.forEach(function (one) { if (one.isIntersecting) draw(one.target); });
      }, { rootMargin: "50% 0px" });
      places.forEach(function (place) { near.observe(place); });
    }
    idle(rest);
  }
  document.addEventListener("DOMContentLoaded", function () {
    // The still picture is on the screen first; a page that nobody sees has no frames to wait for.
    if (document.hidden) begin();
    else requestAnimationFrame(function () { setTimeout(begin, 0); });
  });

  // ---- the time shown ----------------------------------------------------------------------------------------------

  function number(value) {
    return typeof value === "number" ? value : new Date(String(value).replace(" ", "T").replace(/(\.\d{3})\d*$/, "$1") + "Z").getTime();
  }

  function shown(place) { return place.layout.xaxis.range.map(number); }

  function show(place, begin, end) {
    var dated = place.layout.xaxis.type === "date";
    var pair = [begin, end].map(function (value) { return dated ? new Date(value).toISOString().replace("Z", "") : value; });
    return Plotly.relayout(place, { "xaxis.range": pair });
  }

  // The picture of an alarm goes along while most of what the overview shows is in it, and is whole otherwise.
  function follow(place) {
    var own = wholes[place.dataset.figure];
    if (!overview.dataset.drawn || !place.dataset.drawn || !/^episode/.test(place.dataset.figure)) return;
    var seen = shown(overview), now = shown(place);
    var both = [Math.max(seen[0], own[0]), Math.min(seen[1], own[1])];
    var wanted = 2 * (both[1] - both[0]) >= seen[1] - seen[0] ? both : own;
    if (wanted[0] !== now[0] || wanted[1] !== now[1]) show(place, wanted[0], wanted[1]);
  }

  function moved() {
    places.forEach(follow);
    var pair = shown(overview), said = document.querySelector(".shown");
    if (pair[0] <= wholes.overview[0] && pair[1] >= wholes.overview[1]) said.textContent = "";
    else if (overview.layout.xaxis.type === "date") {
      said.textContent = "Shown: " + pair.map(function (value) {
        return new Date(value).toISOString().slice(0, 16).replace("T", " ");
      }).join(" to ");
    } else said.textContent = "Shown: rows " + Math.ceil(pair[0]) + " to " + Math.floor(pair[1]);
  }

  var moves = {
    whole: function () { return wholes.overview; },
    "in": function (a, b) { return [a + (b - a) / 4, b - (b - a) / 4]; },
    out: function (a, b) { return [a - (b - a) / 2, b + (b - a) / 2]; },
    earlier: function (a, b) { return [a - (b - a) / 2, b - (b - a) / 2]; },
    later: function (a, b) { return [a + (b - a) / 2, b + (b - a) / 2]; }
  };

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[data-move], button[data-begin]");
    if (!button) return;
    draw(overview);
    var whole = wholes.overview;
    if (button.dataset.move) {
      var range = shown(overview);
      var pair = moves[button.dataset.move](range[0], range[1]);
      var width = Math.min(pair[1] - pair[0], whole[1] - whole[0]);
      var begin = Math.max(whole[0], Math.min(pair[0], whole[1] - width));
      show(overview, begin, begin + width);
    } else {
      show(overview, Number(button.dataset.begin), Number(button.dataset.end));
      overview.scrollIntoView({ block: "center" });
    }
  });

  // ---- from an alarm in the overview to what is said of it ---------------------------------------------------------

  // The heading of the alarm at that place of the score, if there is one: the nearest, some pixels off at most.
  function alarmAt(event) {
    if (!overview.dataset.drawn) return null;
    var layout = overview._fullLayout, box = overview.getBoundingClientRect();
    var x = event.clientX - box.left - layout._size.l, y = event.clientY - box.top - layout._size.t;
    if (y < 0 || y > layout.yaxis._length || x < 0 || x > layout.xaxis._length) return null;
    var best = touch ? 16 : 8, found = null;
    figures.overview.layout.shapes.forEach(function (mark, place) {
      var ends = [mark.x0, mark.x1].map(function (at) { return layout.xaxis.l2p(at); });
      var off = Math.max(ends[0] - x, x - ends[1], 0);
      if (off < best) {
        best = off || 1e-9;
        found = document.getElementById("episode-" + (place + 1));
      }
    });
    return found;
  }

  // The second click of a double click, which goes back to the whole, takes the first one back. A click may come twice,
  // from the browser and from Plotly.
  var pending = 0, wait = 350, pressed = 0;
  overview.addEventListener("pointermove", function (event) {
    overview.classList.toggle("over-alarm", alarmAt(event) !== null);
  });
  overview.addEventListener("pointerdown", function (event) { pressed = event.clientX; }, true);
  overview.addEventListener("click", function (event) {
    var heading = alarmAt(event);
    clearTimeout(pending);
    if (event.detail > 1 || !heading || Math.abs(pressed - event.clientX) > 4) return;
    pending = setTimeout(function () {
      heading.scrollIntoView({ block: "start" });
      heading.focus({ preventScroll: true });
    }, wait);
  });

  var theme = document.querySelector("[data-theme-switch]");
  function dark() {
    return document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function label() { theme.setAttribute("aria-pressed", String(dark())); }
  label();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  theme.addEventListener("click", function () {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    label();
  });

  window.addEventListener("beforeprint", function () {
    places.forEach(function (place) { draw(place); Plotly.relayout(place, { width: PAPER }); });
  });
  window.addEventListener("afterprint", function () {
    places.forEach(function (place) { Plotly.relayout(place, { width: null, autosize: true }); });
  });
})();
