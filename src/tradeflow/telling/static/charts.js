"use strict";
// Draws the charts of a lead: one specification for all leads, the lead's columns of figures put into it. `embed` is vega-embed.
const drawLeadCharts = (() => {
  const dateOf = (period) => period > 9999 ? new Date(Math.floor(period / 100), period % 100 - 1, 1) : new Date(period, 0, 1);
  const isLone = (values, at) => values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
  // The lead's periods as one span, from half a period before the first to half a period after the last; carried by the first.
  const spanOf = (columns, at) => {
    if (!columns.flagged[at] || columns.flagged[at - 1]) return { lead_from: null, lead_to: null };
    const half = (columns.date[at] > 9999 ? 15 : 180) * 86400000;
    return { lead_from: dateOf(columns.date[at]) - half, lead_to: dateOf(columns.date[columns.flagged.lastIndexOf(true)]).getTime() + half };
  };
  const beyondOf = (columns, at, edge) => columns.beyond[at] === null ? { beyond_at: null } : { beyond: `${columns.beyond[at]} ↑`, beyond_at: edge };
  const rowsOf = {
    history: (columns) => columns.date.map((period, at) => {
      const state = columns.state[at];
      const observed = state === "reported" ? columns.observed[at] : null;
      const none = state === "none" ? 0 : null;
      const unknown = state === "not_reported" || state === "weight_missing" ? 0 : null;
      const [expected, lower, upper] = [columns.expected[at], columns.lower[at], columns.upper[at]];
      const lone = isLone(columns.expected, at);
      return {
        date: dateOf(period), observed, none, unknown, expected, lower, upper, tip: columns.tip[at], ...spanOf(columns, at),
        lone_expected: lone ? expected : null, lone_lower: lone ? lower : null, lone_upper: lone ? upper : null,
        joined: columns.regular ? observed ?? none : null,
        stem: columns.regular ? null : observed,
        other: columns.above[at] ? null : columns.other[at], above: columns.above[at] ? columns.other[at] : null,
        lead: columns.lead[at],
        ...(columns.change[at] ? { change: columns.change[at], change_at: dateOf(period) } : { change_at: null }),
        ...beyondOf(columns, at, columns.lead[at] ?? observed),
      };
    }),
    mirror: (columns) => columns.date.map((period, at) => ({
      date: dateOf(period), tip: columns.tip[at], ...spanOf(columns, at),
      importer: columns.importer[at], exporter: columns.exporter[at], ...beyondOf(columns, at, Math.max(columns.importer[at], columns.exporter[at])),
      balanced: columns.balanced[at], lower: columns.lower[at], upper: columns.upper[at], unknown: columns.silent[at] ? 0 : null,
    })),
  };

  // Months on the axes in the page's language, as the browser knows it.
  const named = (options, count, dateAt) => Array.from({ length: count }, (_, at) => dateAt(at).toLocaleDateString(document.documentElement.lang, options));
  const months = (month) => named({ month }, 12, (at) => new Date(2024, at, 1));
  const days = (weekday) => named({ weekday }, 7, (at) => new Date(2024, 8, 1 + at));
  const timeFormatLocale = {
    dateTime: "%Y-%m-%d %H:%M", date: "%Y-%m-%d", time: "%H:%M", periods: ["AM", "PM"],
    days: days("long"), shortDays: days("short"), months: months("long"), shortMonths: months("short"),
  };

  return (places, columns, specifications, embed) => {
    for (const place of places) {
      place.dataset.drawn = "";
      const kind = place.dataset.chart;
      const specification = JSON.parse(JSON.stringify(specifications[kind]).replaceAll("net weight", columns[kind].unit));
      const rows = rowsOf[kind](columns[kind]);
      const hasFigures = (layer) => rows.some((row) => (row[(layer.encoding.y?.field ? layer.encoding.y : layer.encoding.x).field] ?? null) !== null);
      specification.data = { values: rows };
      specification.layer = specification.layer.filter(hasFigures);
      embed(place, specification, { actions: false, renderer: "svg", ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true }, mode: "vega-lite", timeFormatLocale })
        .catch((error) => { place.textContent = `The chart cannot be drawn: ${error.message}`; });
    }
  };
})();
