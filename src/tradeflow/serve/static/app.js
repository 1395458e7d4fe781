"use strict";
// Reading works without this: it draws charts, opens leads inside the table, and asks for nothing from outside.
(() => {
  const own = document.currentScript.dataset;
  let chartTools;

  const loadScript = (address) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error("the chart library did not come"));
    document.head.append(script);
  });
  // The chart library is a megabyte: it is asked for when the first chart is seen.
  const loadChartTools = () => chartTools ??= Promise.all([
    fetch(own.chartSpecifications).then((answer) => answer.json()),
    loadScript(own.chartScript),
  ]).then(([specifications]) => specifications);

  const drawCharts = async (body) => {
    const places = body.querySelectorAll(".chart:not([data-drawn])");
    if (!places.length) return;
    const figures = JSON.parse(document.getElementById(body.dataset.figures).textContent);
    try {
      drawLeadCharts(places, figures, await loadChartTools(), window.vegaEmbed);
    } catch (error) {
      for (const place of places) place.textContent = String(error.message);
    }
  };
  for (const body of document.querySelectorAll(".lead-body")) drawCharts(body);

  const openPiece = async (details) => {
    const place = details.querySelector(".piece");
    if (!place) return;
    const answer = await fetch(details.dataset.piece, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const holder = document.createElement("div");
    holder.innerHTML = await answer.text();
    place.replaceWith(holder);
    drawCharts(holder.querySelector(".lead-body"));
  };
  for (const details of document.querySelectorAll("details[data-piece]")) {
    details.addEventListener("toggle", () => { if (details.open) openPiece(details); });
    details.closest(".lead").querySelector(".figures").addEventListener("click", (event) => {
      if (!event.target.closest("a") && !String(getSelection())) details.open = !details.open;
    });
  }
  const narrowing = document.querySelector("details.narrowing");
  if (narrowing && !location.search && innerWidth <= 820) narrowing.open = false;
  if (document.querySelector("table.leads")) document.documentElement.classList.add("js");
})();
