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
