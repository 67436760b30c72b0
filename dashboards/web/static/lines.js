// Values over windows: lines, steps and bars, with levels (what is usual, what is tolerated) and shaded stretches.
// {x: [[start, end]…], series: [{name, type, values, axis?}], levels?: [{name, value, of?}], limits?: {name, values},
//  shaded?: [{start, end, text}], hatched?: [bool…], unit, log?, hrefs?: […]}
"use strict";
(() => {
  const { charts, moment, number, plain } = window.driftsum;
  const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle"];
  const DASHES = ["solid", [6, 3], [2, 2], [8, 3, 2, 3], [1, 3]];

  charts.lines = (data, look) => {
    const at = data.x.map(([start]) => start / 1000);
    const series = data.series.map((one, n) => drawn(data, one, n, at, look));
    if (data.limits) series.push(limit(data.limits, at, look));
    if (data.shaded?.length && series.length) series[0].markArea = shaded(data.shaded, look);
    return {
      grid: { left: 8, right: 16, top: data.series.length > 1 || data.limits ? 44 : 20, bottom: 8, containLabel: true },
      legend: data.series.length > 1 || data.limits ? { type: "scroll", formatter: (name) => plain(name).slice(0, 30) } : undefined,
      xAxis: { type: "time", min: at[0], max: data.x.length ? data.x[data.x.length - 1][1] / 1000 : undefined },
      yAxis: {
        type: data.log ? "log" : "value", scale: data.series.every((one) => one.type !== "bar"),
        axisLabel: { formatter: (value) => number(value) },
      },
      tooltip: { trigger: "axis", axisPointer: { type: "line", lineStyle: { color: look.faint } }, formatter: (points) => told(data, points) },
      series,
    };
  };

  function drawn(data, one, n, at, look) {
    const bar = one.type === "bar";
    const made = {
      name: one.name, type: bar ? "bar" : "line", color: look.series[n % look.series.length],
      data: one.values.map((value, i) => ({
        value: [at[i], value],
        itemStyle: data.hatched?.[i] ? { color: look.sunk, borderColor: look.series[0], decal: window.driftsum.decals()[1] } : undefined,
      })),
      step: one.type === "step" ? "middle" : undefined, connectNulls: false,
      symbol: SYMBOLS[n % SYMBOLS.length], symbolSize: 5, showSymbol: at.length < 80,
      lineStyle: { width: 2, type: DASHES[n % DASHES.length] }, itemStyle: bar ? { borderRadius: [2, 2, 0, 0] } : undefined,
      barMaxWidth: 18, barCategoryGap: "20%",
    };
    const levels = (data.levels || []).filter((level) => !level.of || level.of === one.name);
    if (levels.length) {
      made.markLine = {
        silent: true, symbol: "none",
        data: levels.filter((level) => level.value !== null).map((level) => ({
          yAxis: level.value, name: level.name,
          label: { formatter: plain(level.name), color: look.soft, position: "insideEndTop" },
          lineStyle: { color: level.limit ? look.colour("page-state") : look.series[n % look.series.length], type: "dashed", width: 1.5 },
        })),
      };
    }
    return made;
  }

  const limit = (limits, at, look) => ({
    name: limits.name, type: "line", step: "middle", symbol: "none", color: look.colour("page-state"),
    lineStyle: { type: [6, 4], width: 1.5 }, data: limits.values.map((value, i) => [at[i], value]),
  });

  const shaded = (some, look) => ({
    silent: true, itemStyle: { color: look.colour("page-back"), opacity: .8 },
    label: { color: look.colour("page-state"), fontSize: 11, position: "insideTop" },
    data: some.map((one) => [{ xAxis: one.start / 1000, name: plain(one.text) }, { xAxis: one.end / 1000 }]),
  });

  function told(data, points) {
    if (!points.length) return "";
    const i = points[0].dataIndex;
    const [start, end] = data.x[i];
    const lines = [`${moment(start)} – ${moment(end)}`];
    for (const point of points) lines.push(`${plain(point.seriesName)}: ${number(point.value[1])}`);
    if (data.hatched?.[i]) lines.push("incomplete: rows are missing");
    return lines.join("\n");
  }

  charts.lines.open = (data, params) => data.hrefs?.[params.dataIndex] || null;
})();
