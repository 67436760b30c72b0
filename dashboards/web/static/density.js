// Reference against window: densities or shares above, what each bin contributes below; and what is no value.
"use strict";
(() => {
  const { charts, number, plain } = window.driftsum;
  const share = (value) => `${number(value * 100)} %`;

  const twoGrids = (look) => ({
    grid: [
      { left: 58, right: 16, top: 40, height: "54%" },
      { left: 58, right: 16, bottom: 8, height: "20%" },
    ],
    legend: { data: ["reference", "window"] },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
  });

  const outline = (look, window_) => ({
    type: "line", step: "end", symbol: "none",
    color: window_ ? look.series[1] : look.series[0],
    lineStyle: { width: window_ ? 2.5 : 2, type: window_ ? "solid" : [6, 3] },
    areaStyle: { opacity: window_ ? .16 : .1 },
  });

  // the steps of a histogram: each cell's height from its low edge, zero after the last
  function steps(cells, which) {
    const points = [];
    let last = null;
    for (const cell of cells) {
      if (last !== null && cell[0] > last) points.push([last, 0]);
      points.push([cell[0], cell[which]]);
      last = cell[1];
    }
    if (last !== null) points.push([last, 0]);
    return points;
  }

  charts.density = (data, look) => {
    const [low, high] = data.range || [null, null];
    const x = { type: "value", min: low, max: high, splitLine: { show: false }, axisLabel: { formatter: number } };
    const cell = (value) => data.cells.find(([a, b]) => value >= a && value < b);
    return {
      ...twoGrids(look),
      xAxis: [{ ...x, gridIndex: 0 }, { ...x, gridIndex: 1, axisLabel: { show: false } }],
      yAxis: [
        { type: "value", gridIndex: 0, name: "density", axisLabel: { formatter: number } },
        { type: "value", gridIndex: 1, name: "adds to PSI", axisLabel: { formatter: number }, splitNumber: 2 },
        { type: "value", gridIndex: 0, show: false, min: 0, max: 1 },
      ],
      tooltip: {
        trigger: "axis",
        formatter: (points) => {
          const found = points.length && cell(points[0].axisValue);
          if (!found) return "";
          const wide = found[1] - found[0];
          return [
            `${number(found[0])} – ${number(found[1])}`, `reference: ${share(found[2] * wide)}`,
            `window: ${share(found[3] * wide)}`, `adds ${number(found[4])} to PSI`,
          ].join("\n");
        },
      },
      series: [
        { name: "reference", ...outline(look, false), data: steps(data.cells, 2) },
        { name: "window", ...outline(look, true), data: steps(data.cells, 3) },
        ...spikes(data, look),
        {
          name: "adds to PSI", type: "custom", xAxisIndex: 1, yAxisIndex: 1, clip: true,
          data: data.cells.map(([a, b, , , gives]) => [a, b, gives]), encode: { x: [0, 1], y: 2 },
          renderItem: (params, api) => block(api, look),
        },
      ],
    };
  };

  // single values that hold much of the column: their share of all values, as stems
  function spikes(data, look) {
    const stem = (name, which, color, offset) => ({
      name, type: "bar", yAxisIndex: 2, barWidth: 4, barGap: "40%", itemStyle: { color, borderRadius: [2, 2, 0, 0] },
      data: data.atoms.map((atom) => [atom[0], atom[which]]), label: {
        show: data.atoms.length < 6 && which === 2, position: "top", color: look.soft, fontSize: 11,
        formatter: ({ value }) => `${number(value[0])}: ${share(value[1])}`,
      },
    });
    return data.atoms.length ? [stem("reference", 1, look.series[0]), stem("window", 2, look.series[1])] : [];
  }

  function block(api, look) {
    const gives = api.value(2);
    const zero = api.coord([api.value(0), 0]), top = api.coord([api.value(1), gives]);
    return {
      type: "rect",
      shape: { x: zero[0], y: Math.min(zero[1], top[1]), width: Math.max(1, top[0] - zero[0] - 1), height: Math.abs(top[1] - zero[1]) },
      style: { fill: gives > 0 ? look.series[1] : look.series[0] },
    };
  }

  charts.shares = (data, look) => {
    const labels = data.labels.map((one) => plain(one).slice(0, 40) || "(empty)");
    const x = { type: "category", data: labels };
    return {
      ...twoGrids(look),
      xAxis: [
        { ...x, gridIndex: 0, axisLabel: { rotate: labels.length > 10 ? 40 : 0, width: 110, overflow: "truncate", hideOverlap: true } },
        { ...x, gridIndex: 1, axisLabel: { show: false } },
      ],
      yAxis: [
        { type: "value", gridIndex: 0, name: "share", axisLabel: { formatter: share } },
        { type: "value", gridIndex: 1, name: "adds to PSI", axisLabel: { formatter: number }, splitNumber: 2 },
      ],
      tooltip: {
        trigger: "axis",
        formatter: (points) => {
          const i = points[0].dataIndex;
          return [
            labels[i], `reference: ${share(data.before[i])}`, `window: ${share(data.now[i])}`, `adds ${number(data.gives[i])} to PSI`,
          ].join("\n");
        },
      },
      series: [
        bars("reference", data.before, look.series[0], false), bars("window", data.now, look.series[1], true),
        {
          name: "adds to PSI", type: "bar", xAxisIndex: 1, yAxisIndex: 1, barMaxWidth: 26,
          data: data.gives.map((value) => ({ value, itemStyle: { color: value > 0 ? look.series[1] : look.series[0] } })),
        },
      ],
    };
  };

  const bars = (name, values, color, hatched) => ({
    name, type: "bar", data: values, barMaxWidth: 22, color,
    itemStyle: { borderRadius: [2, 2, 0, 0], decal: hatched ? window.driftsum.decals()[1] : undefined },
  });

  charts.outside = (data, look) => ({
    grid: { left: 132, right: 56, top: 34, bottom: 26 },
    legend: { data: ["reference", "window"] },
    // a thousandth shall not fill the picture
    xAxis: { type: "value", min: 0, max: Math.max(0.05, ...data.before, ...data.now), axisLabel: { formatter: share, hideOverlap: true } },
    yAxis: { type: "category", inverse: true, data: data.labels, splitLine: { show: false } },
    tooltip: {
      trigger: "axis", axisPointer: { type: "shadow" },
      formatter: (points) => [
        points[0].name, ...points.map((point) => `${point.seriesName}: ${share(point.value)}`),
      ].join("\n"),
    },
    series: [
      across(bars("reference", data.before, look.series[0], false), look),
      across(bars("window", data.now, look.series[1], true), look),
    ],
  });

  const across = (one, look) => ({
    ...one, barMaxWidth: 10, itemStyle: { ...one.itemStyle, borderRadius: [0, 2, 2, 0] },
    label: { show: true, position: "right", color: look.soft, fontSize: 11, formatter: ({ value }) => share(value) },
  });
  charts.outside.height = (data) => 60 + data.labels.length * 30;
})();
