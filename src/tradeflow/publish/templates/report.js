"use strict";
// Tables whose columns sort by a click on their header; what is not stated stays last either way.
(() => {
  const valueOf = (row, at) => {
    const cell = row.cells[at];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return cell.classList.contains("number") ? (/[0-9]/.test(text) ? Number(text.replace(/[,%]/g, "")) : null) : text || null;
  };
  const compare = (at, falling) => (one, other) => {
    const [a, b] = [valueOf(one, at), valueOf(other, at)];
    if (a === null || b === null) return (a === null) - (b === null);
    return (falling ? -1 : 1) * (typeof a === "number" ? a - b : a.localeCompare(b));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const [headers, body] = [[...table.tHead.rows[0].cells], table.tBodies[0]];
    headers.forEach((header, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const falling = header.getAttribute("aria-sort") === "ascending";
        for (const each of headers) each.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", falling ? "descending" : "ascending");
        body.append(...[...body.rows].sort(compare(at, falling)));
      });
    });
    const find = table.closest("section").querySelector(".find");
    if (!find) continue;
    find.hidden = false;
    find.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of body.rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    });
  }
})();
(() => {
  const table = document.querySelector("table.leads");
  if (!table) return;
  document.documentElement.classList.add("js");
  const leads = [...table.querySelectorAll("tbody.lead")];
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  let figures, specifications, charts;

  // The chart library is a megabyte: it is compiled when the first lead is opened, not when the page is.
  const loadCharts = () => {
    if (charts) return;
    const script = document.createElement("script");
    script.textContent = document.getElementById("chart-script").textContent;
    document.head.append(script);
    [figures, specifications, charts] = [read("figures"), read("specifications"), window.vegaEmbed];
  };

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

  const drawCharts = (lead) => {
    loadCharts();
    const columns = figures[lead.id.slice("lead-".length)];
    for (const place of lead.querySelectorAll(".chart:not([data-drawn])")) {
      place.dataset.drawn = "";
      const kind = place.dataset.chart;
      const specification = JSON.parse(JSON.stringify(specifications[kind]).replaceAll("net weight", columns[kind].unit));
      const rows = rowsOf[kind](columns[kind]);
      const hasFigures = (layer) => rows.some((row) => (row[(layer.encoding.y?.field ? layer.encoding.y : layer.encoding.x).field] ?? null) !== null);
      specification.data = { values: rows };
      specification.layer = specification.layer.filter(hasFigures);
      charts(place, specification, { actions: false, renderer: "svg", ast: true, mode: "vega-lite" })
        .catch((error) => { place.textContent = `The chart cannot be drawn: ${error.message}`; });
    }
  };

  const dossier = (lead) => lead.querySelector("details");
  for (const lead of leads) {
    dossier(lead).addEventListener("toggle", (event) => { if (event.target.open) drawCharts(lead); });
    lead.querySelector(".figures").addEventListener("click", () => {
      if (!String(getSelection())) dossier(lead).open = !dossier(lead).open;
    });
  }

  const openFromAddress = () => {
    const lead = location.hash.startsWith("#lead-") && document.getElementById(location.hash.slice(1));
    if (!lead) return;
    dossier(lead).open = true;
    drawCharts(lead);
    lead.scrollIntoView();
  };
  addEventListener("hashchange", openFromAddress);

  const form = document.querySelector(".filters");
  form.hidden = false;
  const total = document.getElementById("shown-count").textContent;
  const filter = () => {
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    form.least.value = form.score.value;
    let shown = 0;
    for (const lead of leads) {
      const own = lead.dataset;
      const fits = words.every((word) => own.text.includes(word))
        && (!form.rule.value || own.rule === form.rule.value)
        && (!form.commodity.value || own.commodity === form.commodity.value)
        && (!form.importer.value || own.importerCode === form.importer.value)
        && Number(own.score) >= Number(form.score.value);
      lead.hidden = !fits;
      shown += fits;
    }
    document.getElementById("nothing-left").hidden = shown > 0;
    document.getElementById("shown-count").textContent = shown === leads.length ? total : `${shown} of ${leads.length} leads shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());

  const wordColumns = new Set(["rule", "importer", "commodity"]);
  const compare = (key, falling) => (one, other) => {
    const [a, b] = [one.dataset[key], other.dataset[key]];
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = wordColumns.has(key) ? a.localeCompare(b) : Number(a) - Number(b);
    return (falling ? -order : order) || one.dataset.rank - other.dataset.rank;
  };
  const headers = [...table.querySelectorAll("th[data-sort]")];
  for (const header of headers) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const now = header.getAttribute("aria-sort");
      const falling = now ? now === "ascending" : "falling" in header.dataset;
      for (const each of headers) each.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", falling ? "descending" : "ascending");
      table.append(...[...leads].sort(compare(header.dataset.sort, falling)));
    });
  }
  headers[0].setAttribute("aria-sort", "ascending");
  openFromAddress();
})();
