// Draws every <figure data-chart="kind"> from the JSON inside it. Builders register in `driftsum.charts`:
// (data, look) → ECharts option; `open(data, params)` → path to go to on a click, if there is one.
"use strict";
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const drawn = new Map();

  function look() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      colour,
      text: colour("text"), soft: colour("soft"), faint: colour("faint"), line: colour("line"),
      lineSoft: colour("line-soft"), card: colour("card"), sunk: colour("sunk"),
      series: [1, 2, 3, 4, 5].map((n) => colour(`series-${n}`)),
      heat: [0, 1, 2, 3, 4].map((n) => colour(`heat-${n}`)),
      font: getComputedStyle(document.body).fontFamily,
      narrow: innerWidth < 720,
    };
  }

  const decals = () => [
    { symbol: "none" },
    { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4, color: "rgba(0,0,0,.25)" },
    { symbol: "circle", dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [6, 0], symbolSize: .6, color: "rgba(0,0,0,.25)" },
  ];

  // what every chart has in common
  function around(option, looks) {
    const axis = {
      axisLine: { lineStyle: { color: looks.line } }, axisTick: { show: false },
      axisLabel: { color: looks.faint, hideOverlap: true }, splitLine: { lineStyle: { color: looks.lineSoft } },
      nameTextStyle: { color: looks.faint },
    };
    const dress = (one) => ({ ...axis, ...one, axisLabel: { ...axis.axisLabel, ...one.axisLabel } });
    for (const name of ["xAxis", "yAxis"]) {
      if (option[name]) option[name] = [].concat(option[name]).map(dress);
    }
    return {
      animation: !still.matches, animationDuration: 250, backgroundColor: "transparent", color: looks.series,
      textStyle: { fontFamily: looks.font, color: looks.soft },
      useUTC: true,
      aria: { enabled: false },
      ...option,
      legend: option.legend && { textStyle: { color: looks.soft }, itemHeight: 10, top: 0, right: 0, icon: "roundRect", ...option.legend },
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: looks.card, borderColor: looks.line,
        textStyle: { color: looks.text, fontSize: 13 }, ...option.tooltip,
      },
    };
  }

  function read(figure) {
    return JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  }

  function draw(figure) {
    const place = figure.querySelector(".canvas");
    const builder = window.driftsum.charts[figure.dataset.chart];
    if (place) place.setAttribute("aria-label", figure.querySelector("figcaption").textContent.trim().slice(0, 400));
    if (!place || !builder || typeof echarts === "undefined") return;
    const data = read(figure);
    if (builder.height) place.style.height = `${builder.height(data)}px`;
    const chart = drawn.get(figure) || echarts.init(place, null, { renderer: "canvas" });
    if (!drawn.has(figure)) {
      drawn.set(figure, chart);
      chart.on("click", (params) => {
        const path = builder.open?.(data, params);
        if (path) location.assign(path);
      });
      builder.ready?.(figure, chart, data);
    }
    chart.setOption(around(builder(data, look()), look()), { notMerge: true });
  }

  // another figure in the place of one of the same id: its words and numbers are new, its chart is drawn further
  function replace(fresh) {
    const figure = document.getElementById(fresh.id);
    if (!figure) return;
    for (const part of ["figcaption", ".under table", 'script[type="application/json"]']) {
      const old = figure.querySelector(part), now = fresh.querySelector(part);
      if (old && now) old.replaceWith(now);
    }
    const link = figure.querySelector(".under a[download]");
    if (link) link.href = fresh.querySelector(".under a[download]")?.getAttribute("href") || link.href;
    const same = figure.dataset.chart === fresh.dataset.chart && Boolean(figure.querySelector(".canvas")) === Boolean(fresh.querySelector(".canvas"));
    if (same) { draw(figure); return; }
    figure.replaceWith(fresh);
    forget();
    draw(fresh);
  }

  function within(place) {
    for (const figure of place.querySelectorAll("figure[data-chart]")) draw(figure);
  }

  // what is fetched once the page is there
  async function fetched(place, href) {
    const answer = await fetch(href, { headers: { "HX-Request": "true" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const figure = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("figure");
    place.replaceWith(figure);
    draw(figure);
  }

  function later() {
    for (const place of document.querySelectorAll("figure[data-later]")) {
      place.querySelector("figcaption p").textContent = "…";
      fetched(place, place.dataset.later).catch(() => {
        place.querySelector("figcaption p").textContent = "This could not be fetched.";
      });
    }
  }

  function forget() {
    for (const [figure, chart] of drawn) {
      if (!figure.isConnected) { chart.dispose(); drawn.delete(figure); }
    }
  }

  const time = (micros) => new Date(micros / 1000);
  const two = (n) => String(n).padStart(2, "0");
  function moment(micros) {
    const t = time(micros);
    return `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())} ${two(t.getUTCHours())}:${two(t.getUTCMinutes())} UTC`;
  }
  function number(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(2);
    return size >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  }
  // rich text has a syntax of its own: {style|text}
  const plain = (text) => String(text).replace(/[{}|]/g, " ").replace(/\s+/g, " ").slice(0, 80);

  Object.assign(window.driftsum, { look, decals, draw, moment, number, plain, time, replace, fetched });
  document.addEventListener("driftsum:theme", () => { for (const figure of drawn.keys()) draw(figure); });
  document.addEventListener("htmx:afterSwap", (event) => { forget(); within(event.target); });
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { for (const chart of drawn.values()) chart.resize(); }, 120);
  });
  document.addEventListener("DOMContentLoaded", () => { within(document); later(); });
})();
