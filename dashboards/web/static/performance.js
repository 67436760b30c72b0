// One metric of a model's performance over windows.
// {x: [[start, end]…], estimated: {value, low, high}, realized: {value, low, high}, mature: [bool…],
//  labels: [[joined, predicted]…], reference: [number…], shaded: [{start, end, text}], percent}
"use strict";
(() => {
  const { charts, moment, number, plain } = window.driftsum;
  const known = (value) => value !== null && value !== undefined;

  charts.performance = (data, look) => {
    const at = data.x.map(([start, end]) => (start + end) / 2000);
    const series = [reference(data, at, look), ...estimated(data, at, look), ...realized(data, at, look)];
    const order = ["estimated", "its 95 % band", "by labels", "by the labels so far", "reference"];
    const shown = order.filter((name) => series.some((one) => one.name === name && one.data.some((point) => known(point[1]))));
    if (data.shaded.length) series[0].markArea = shaded(data.shaded, look);
    return {
      grid: { left: 8, right: 16, top: look.narrow ? 64 : 44, bottom: 8, containLabel: true },
      legend: { data: shown, icon: undefined, left: 0, right: 0, itemWidth: 22, itemGap: 14 },
      xAxis: { type: "time", min: data.x[0][0] / 1000, max: data.x[data.x.length - 1][1] / 1000 },
      yAxis: { type: "value", scale: true, axisLabel: { formatter: (value) => say(data, value) } },
      tooltip: { trigger: "axis", axisPointer: { type: "line", lineStyle: { color: look.faint } }, formatter: (points) => told(data, points) },
      series,
    };
  };

  const reference = (data, at, look) => ({
    name: "reference", type: "line", ...lonely(data.reference, "rect"), color: look.series[4], z: 2,
    lineStyle: { type: [7, 5], width: 1.5 }, data: at.map((x, i) => [x, data.reference[i]]),
  });

  // a line through one point alone is none: that point gets a symbol
  const lonely = (values, symbol) => ({
    symbol, showSymbol: true, symbolSize: (_, { dataIndex: i }) => (known(values[i - 1]) || known(values[i + 1]) ? 0 : 8),
  });

  // the band: its lower edge, unseen, and its height stacked upon that
  function estimated(data, at, look) {
    const { value, low, high } = data.estimated, color = look.series[0];
    const both = (i) => known(low[i]) && known(high[i]);
    const edge = { type: "line", stack: "band", stackStrategy: "all", symbol: "none", silent: true, lineStyle: { opacity: 0 }, z: 1 };
    return [
      { ...edge, name: "", data: at.map((x, i) => [x, both(i) ? low[i] : null]) },
      { ...edge, name: "its 95 % band", color, areaStyle: { color, opacity: .18 }, itemStyle: { opacity: .3 },
        data: at.map((x, i) => [x, both(i) ? high[i] - low[i] : null]) },
      { name: "estimated", type: "line", ...lonely(value, "diamond"), color, lineStyle: { width: 2 }, z: 3, data: at.map((x, i) => [x, value[i]]) },
    ];
  }

  // hollow while more labels are waited for: a shape, not a colour alone
  function realized(data, at, look) {
    const { value, low, high } = data.realized, color = look.series[1];
    const points = (mature) => at.map((x, i) => [x, data.mature[i] === mature ? value[i] : null]);
    const dot = { type: "scatter", symbolSize: 8, color, z: 5 };
    return [
      { name: "", type: "custom", silent: true, z: 4, renderItem: (_, api) => bar(api, color), encode: { x: 0, y: [1, 2] },
        data: at.map((x, i) => [x, low[i], high[i]]).filter((one) => known(one[1]) && known(one[2])) },
      { ...dot, name: "by labels", symbol: "circle", data: points(true) },
      { ...dot, name: "by the labels so far", symbol: "circle", itemStyle: { color: look.card, borderColor: color, borderWidth: 2 }, data: points(false) },
    ];
  }

  function bar(api, color) {
    const from = api.coord([api.value(0), api.value(1)]), to = api.coord([api.value(0), api.value(2)]);
    return { type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style: { stroke: color, lineWidth: 1.5, opacity: .55 } };
  }

  const shaded = (some, look) => ({
    silent: true, itemStyle: { color: look.colour("page-back"), opacity: .8 },
    label: { color: look.colour("page-state"), fontSize: 11, position: "insideTop" },
    data: some.map((one) => [{ xAxis: one.start / 1000, name: plain(one.text) }, { xAxis: one.end / 1000 }]),
  });

  const say = (data, value) => (data.percent && known(value) ? `${number(value * 100)} %` : number(value));

  function measured(data, of, i) {
    const band = known(of.low[i]) && known(of.high[i]) ? ` (${say(data, of.low[i])} to ${say(data, of.high[i])})` : "";
    return `${say(data, of.value[i])}${band}`;
  }

  function told(data, points) {
    if (!points.length) return "";
    const i = points[0].dataIndex, [start, end] = data.x[i], [joined, predicted] = data.labels[i];
    const lines = [`${moment(start)} – ${moment(end)}`];
    if (known(data.estimated.value[i])) lines.push(`estimated: ${measured(data, data.estimated, i)}`);
    if (known(data.realized.value[i])) lines.push(`by labels${data.mature[i] ? "" : " so far"}: ${measured(data, data.realized, i)}`);
    if (known(data.reference[i])) lines.push(`reference: ${say(data, data.reference[i])}`);
    lines.push(`labels: ${number(joined)} of ${number(predicted)} predictions, ${data.mature[i] ? "mature" : "not mature"}`);
    return lines.join("\n");
  }
})();
