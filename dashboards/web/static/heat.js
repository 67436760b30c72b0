// Columns × windows, and incidents on a line of time.
"use strict";
(() => {
  const { charts, moment, number, plain } = window.driftsum;
  const INSUFFICIENT = 1, ALARM = 2, INCOMPLETE = 4;

  // shades with fixed meanings: below half, near, beyond, twice beyond
  const STEPS = [[0.5, "under half"], [1, "up to what is tolerated"], [2, "beyond it"], [Infinity, "beyond twice"]];

  function shade(ratio, look) {
    const at = ratio === 0 ? 0 : 1 + STEPS.findIndex(([most]) => ratio < most);
    return look.heat[Math.min(at, 4)];
  }

  const hatch = (look) => ({
    symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [1.5, 4], rotation: -Math.PI / 4,
    color: look.faint, backgroundColor: "transparent",
  });

  function day(window_, long) {
    const text = moment(window_[0]);
    return long ? text.slice(5, 10) : text.slice(5, 16);
  }

  charts.heat = (data, look) => {
    const cells = [];
    data.ratio.forEach((row, y) => row.forEach((ratio, x) => {
      const marks = data.marks[y][x];
      cells.push({
        value: [x, y, ratio],
        itemStyle: {
          color: marks & INSUFFICIENT ? look.heat[0] : shade(ratio, look),
          borderColor: look.card, borderWidth: 1, borderRadius: 2,
          decal: marks & (INSUFFICIENT | INCOMPLETE) ? hatch(look) : undefined,
        },
      });
    }));
    const dots = cells.filter(({ value: [x, y] }) => data.marks[y][x] & ALARM).map(({ value: [x, y] }) => [x, y]);
    const long = data.windows.length && data.windows[0][1] - data.windows[0][0] >= 86_000e6;
    const left = look.narrow ? 96 : 210;
    return {
      grid: { left, right: 12, top: 40, bottom: 46 },
      legend: { show: false },
      xAxis: {
        type: "category", data: data.windows.map((one) => day(one, long)), axisLabel: { rotate: 0 },
        splitArea: { show: false }, name: "start of the window, UTC", nameLocation: "middle", nameGap: 30,
      },
      yAxis: {
        type: "category", inverse: true, data: data.columns, triggerEvent: true,
        axisLabel: { width: left - 16, overflow: "truncate", interval: 0, formatter: (name) => plain(name) },
      },
      tooltip: {
        trigger: "item",
        formatter: ({ value: [x, y] }) => {
          const marks = data.marks[y][x];
          const lines = [
            plain(data.columns[y]), `${moment(data.windows[x][0])} – ${moment(data.windows[x][1])}`,
            `${data.ratio[y][x] >= data.most ? "over " : ""}${number(data.ratio[y][x])} × what is tolerated`, plain(data.texts[data.told[y][x]]),
          ];
          if (marks & INSUFFICIENT) lines.push("too little data to judge");
          if (marks & INCOMPLETE) lines.push("incomplete: rows are missing");
          if (marks & ALARM) lines.push("an alarm stood on it");
          return lines.join("\n");
        },
      },
      graphic: key(look, left),
      series: [
        { type: "heatmap", data: cells, progressive: 0, emphasis: { itemStyle: { borderColor: look.text, borderWidth: 2 } } },
        { type: "scatter", data: dots, symbolSize: 5, silent: true, itemStyle: { color: look.text, opacity: .85 }, z: 5 },
      ],
    };
  };

  function key(look, left) {
    const parts = [["nothing", look.heat[0]], ...STEPS.map(([, words], at) => [words, look.heat[at + 1]])];
    let x = left;
    const shown = [];
    for (const [words, colour] of look.narrow ? parts.slice(2) : parts) {
      shown.push({ type: "rect", left: x, top: 8, shape: { width: 14, height: 14, r: 3 }, style: { fill: colour, stroke: look.line } });
      shown.push({ type: "text", left: x + 20, top: 8, style: { text: words, fill: look.soft, font: `12px ${look.font}` } });
      x += 34 + words.length * 6.6;
    }
    return shown;
  }

  charts.heat.height = (data) => 100 + data.columns.length * 21;
  charts.heat.open = (data, { value, componentType, value: name }) => {
    if (componentType === "yAxis") return data.hrefs[data.columns.indexOf(name)];
    return Array.isArray(value) ? `${data.hrefs[value[1]]}&at=${data.windows[value[0]][2]}` : null;
  };

  const KINDS = { run: "dashed", deploy: "solid" };

  charts.timeline = (data, look) => {
    const colour = { page: look.colour("page-state"), warning: look.colour("warning-state"), info: look.faint };
    return {
      grid: { left: 16, right: 16, top: 26, bottom: 26 },
      xAxis: { type: "time", min: data.start / 1000, max: data.end / 1000 },
      yAxis: { type: "value", min: 0, max: data.lanes, inverse: true, show: false },
      tooltip: {
        trigger: "item",
        formatter: ({ data: one }) => one.line
          ? `${plain(one.line.kind)}\n${plain(one.line.text)}\n${moment(one.line.at)}`
          : [plain(one.of.title), one.of.severity, `since ${moment(one.of.start)}`,
            one.of.open ? "open" : `until ${moment(one.of.end)}`].join("\n"),
      },
      series: [
        {
          type: "custom", clip: true, cursor: "pointer",
          data: data.incidents.map((of) => ({ of, value: [of.start / 1000, of.end / 1000, of.lane] })),
          encode: { x: [0, 1], y: 2 },
          renderItem: (params, api) => bar(params, api, data.incidents[params.dataIndex], colour, look),
        },
        {
          type: "scatter", symbol: "pin", symbolSize: 18, itemStyle: { color: look.series[2] },
          data: data.lines.map((line) => ({
            line, value: [line.at / 1000, 0.15], symbol: line.kind === "run" ? "diamond" : "pin",
            itemStyle: { color: line.kind === "run" ? look.series[3] : look.series[2] },
          })),
          markLine: {
            silent: true, symbol: "none", label: { show: false },
            data: data.lines.map((line) => ({
              xAxis: line.at / 1000,
              lineStyle: { color: line.kind === "run" ? look.series[3] : look.series[2], type: KINDS[line.kind] || "dotted" },
            })),
          },
        },
      ],
    };
  };

  function bar(params, api, of, colour, look) {
    const from = api.coord([api.value(0), api.value(2)]), to = api.coord([api.value(1), api.value(2)]);
    const height = Math.max(8, Math.min(18, api.size([0, 1])[1] * .7));
    const shape = { x: from[0], y: from[1] + 4, width: Math.max(6, to[0] - from[0]), height, r: 4 };
    return {
      type: "group",
      children: [
        {
          type: "rect", shape,
          style: { fill: colour[of.severity], opacity: of.open ? 1 : .55, stroke: of.open ? look.text : "none", lineWidth: 1 },
        },
        {
          type: "text",
          style: {
            text: `${of.severity === "page" ? "▲" : "◆"} ${of.id}`, x: shape.x + 5, y: shape.y + height / 2,
            verticalAlign: "middle", fill: look.card, font: `600 11px ${look.font}`, width: shape.width - 8,
            overflow: "truncate", opacity: shape.width > 34 ? 1 : 0,
          },
        },
      ],
    };
  }

  charts.timeline.height = (data) => 90 + data.lanes * 24;
  charts.timeline.open = (data, params) => (params.seriesType === "custom" ? data.incidents[params.dataIndex].href : null);
})();
