
"use strict";
// Sorts and filters the table of findings. It moves and hides rows that are there, and makes no markup of text.
// What is chosen stands behind the # of the address, so that it outlives a reload: #sort=-time&find=alice&least=HIGH
(() => {
  const table = document.getElementById("findings");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.map((head) => head.dataset.column);
  const find = document.getElementById("find");
  const least = document.getElementById("least");
  const shown = document.getElementById("shown");
  const severities = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
  const collator = new Intl.Collator("en", { numeric: true });
  const text = (row, column) => row.cells[column].textContent;
  const severity = (row) => severities.indexOf(text(row, 0));
  const searched = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  let sorting = { column: "severity", descending: true };

  const sort = () => {
    const at = columns.indexOf(sorting.column);
    const compare = sorting.column === "severity"
      ? (one, other) => severity(one) - severity(other)
      : (one, other) => collator.compare(text(one, at), text(other, at));
    const direction = sorting.descending ? -1 : 1;
    // From the order in which the page came, so that equals stay as they were: worst first, then oldest first.
    body.append(...[...rows].sort((one, other) => direction * compare(one, other)));
    heads.forEach((head, column) => {
      if (column === at) head.setAttribute("aria-sort", sorting.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };

  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/);
    const floor = severities.indexOf(least.value);
    let count = 0;
    for (const row of rows) {
      const whole = searched.get(row);
      row.hidden = severity(row) < floor || !words.every((word) => whole.includes(word));
      if (!row.hidden) count += 1;
    }
    shown.value = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };

  const write = () => {
    const chosen = new URLSearchParams({ sort: (sorting.descending ? "-" : "") + sorting.column });
    if (find.value) chosen.set("find", find.value);
    if (least.value) chosen.set("least", least.value);
    history.replaceState(null, "", `#${chosen}`);
  };

  const read = () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    const wanted = chosen.get("sort") ?? "-severity";
    const column = wanted.replace(/^-/, "");
    if (columns.includes(column)) sorting = { column, descending: wanted.startsWith("-") };
    find.value = chosen.get("find") ?? "";
    least.value = chosen.get("least") ?? "";
    if (least.selectedIndex < 0) least.value = "";
    sort();
    filter();
  };

  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const same = sorting.column === columns[at];
      sorting = { column: columns[at], descending: same ? !sorting.descending : columns[at] === "severity" };
      sort();
      write();
    });
    head.replaceChildren(button);
  });
  for (const control of [find, least]) {
    control.addEventListener("input", () => {
      filter();
      write();
    });
  }
  addEventListener("hashchange", read);
  document.getElementById("controls").hidden = false;
  read();
})();
