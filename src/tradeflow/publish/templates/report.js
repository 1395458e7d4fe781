"use strict";
(() => {
  const table = document.querySelector("#leads table.leads");
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

  const drawCharts = (lead) => {
    loadCharts();
    drawLeadCharts(lead.querySelectorAll(".chart:not([data-drawn])"), figures[lead.id.slice("lead-".length)], specifications, charts);
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
