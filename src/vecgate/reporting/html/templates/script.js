"use strict";
// The page is complete without this script. It adds values under the pointer, sorting, and a filter.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const create = (name, text, className) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const formatNumber = (value) => (value === null ? "–" : value.toLocaleString("en-US", { maximumSignificantDigits: 4 }));

  const formatElapsed = (seconds) => {
    const two = (number) => String(Math.floor(number)).padStart(2, "0");
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  };

  // Values at the pointer, or at the position that the arrow keys select.
  for (const json of document.querySelectorAll(".figure > script")) {
    const data = JSON.parse(json.textContent);
    for (const chart of json.parentElement.querySelectorAll(".chart")) addTooltip(chart, data);
  }

  function addTooltip(chart, data) {
    const svg = chart.querySelector("svg");
    const onAxis = data.log ? Math.log : (value) => value;
    const [low, high] = [onAxis(data.low), onAxis(data.high)];
    const positions = data.at.map((at) => (onAxis(at) - low) / (high - low));
    const cursor = document.createElementNS(SVG, "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y2", "100%");
    const tooltip = create("div", "", "tooltip");
    tooltip.setAttribute("role", "status");
    let current = -1;

    const show = (index) => {
      current = Math.max(0, Math.min(positions.length - 1, index));
      const at = data.at[current];
      const lines = data.lines.filter((line) => line.values[current] !== null);
      for (const name of ["x1", "x2"]) cursor.setAttribute(name, `${100 * positions[current]}%`);
      const mark = data.marks.findLast(([start]) => start <= at);
      const heading = data.names[current] ?? (mark ? `${formatElapsed(at)} · ${mark[1]}` : formatElapsed(at));
      tooltip.replaceChildren(create("b", heading));
      for (const line of lines) {
        const row = create("span", line.name);
        row.append(create("span", formatNumber(line.values[current])));
        tooltip.append(row);
      }
      svg.append(cursor);
      chart.append(tooltip);
      const left = svg.getBoundingClientRect().left - chart.getBoundingClientRect().left + positions[current] * svg.getBoundingClientRect().width;
      const isRight = left > chart.clientWidth / 2;
      tooltip.style.left = isRight ? "auto" : `${left + 12}px`;
      tooltip.style.right = isRight ? `${chart.clientWidth - left + 12}px` : "auto";
    };
    const hide = () => {
      cursor.remove();
      tooltip.remove();
    };
    const nearest = (x) => {
      let best = 0;
      for (let index = 1; index < positions.length; index += 1) if (Math.abs(positions[index] - x) < Math.abs(positions[best] - x)) best = index;
      return best;
    };

    const showAtPointer = (event) => {
      const rect = svg.getBoundingClientRect();
      show(nearest((event.clientX - rect.left) / rect.width));
    };
    chart.addEventListener("pointermove", showAtPointer);
    // A finger leaves right after a tap. Its tooltip stays until the next tap elsewhere.
    chart.addEventListener("click", showAtPointer);
    chart.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") hide();
    });
    chart.tabIndex = 0;
    chart.setAttribute("role", "group");
    chart.setAttribute("aria-label", `${svg.querySelector("title").textContent}: use the arrow keys to read values`);
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (step) show(current + step);
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(positions.length - 1);
      else if (event.key === "Escape") hide();
      else return;
      event.preventDefault();
    });
    chart.addEventListener("blur", hide);
  }

  // Sort a table by the heading that is clicked.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.classList.contains("unsorted") || !head.textContent || table.tBodies[0].rows.length < 2) return;
      const button = create("button", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(table, heads, column));
    });
  }

  function sort(table, heads, column) {
    const isNumber = heads[column].classList.contains("n");
    const before = heads[column].getAttribute("aria-sort");
    const isAscending = before ? before === "descending" : !isNumber;
    const key = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.key !== undefined) return Number(cell.dataset.key);
      const text = cell.textContent.trim();
      if (!isNumber) return text;
      const number = Number.parseFloat(text.replaceAll(",", ""));
      return Number.isNaN(number) ? -Infinity : number;
    };
    const rows = [...table.tBodies[0].rows];
    rows.sort((left, right) => {
      const [a, b] = [key(left), key(right)];
      const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      return isAscending ? order : -order;
    });
    table.tBodies[0].append(...rows);
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", isAscending ? "ascending" : "descending");
  }

  // Filter the list of runs by text, verdict and kind.
  for (const form of document.querySelectorAll(".run-filter")) {
    const groups = [...document.querySelectorAll(".run-group")].map((group) => ({
      group,
      rows: [...group.querySelectorAll("tbody tr")].map((row) => ({
        row,
        verdict: row.querySelector(".grade").textContent,
        text: row.textContent.toLowerCase(),
      })),
    }));
    const isWanted = (name, value) => ![...form.querySelectorAll(`[name=${name}]`)].some((box) => box.value === value && !box.checked);
    const update = () => {
      const words = form.elements.text.value.trim().toLowerCase();
      let total = 0;
      for (const { group, rows } of groups) {
        let matches = 0;
        for (const { row, verdict, text } of rows) {
          row.hidden = !(text.includes(words) && isWanted("verdict", verdict) && isWanted("kind", group.id));
          if (!row.hidden) matches += 1;
        }
        group.hidden = matches === 0;
        total += matches;
      }
      form.querySelector(".shown").textContent = `${total.toLocaleString("en-US")} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", update);
    form.addEventListener("submit", (event) => event.preventDefault());
    update();
  }

  // Filter requirements by outcome, level and text.
  for (const section of document.querySelectorAll(".requirements")) {
    const form = section.querySelector(".filter");
    const groups = [...section.querySelectorAll(".group")].map((group) => ({
      group,
      tally: group.querySelector(".tally"),
      tallyText: group.querySelector(".tally").textContent,
      isOpen: group.open,
      items: [...group.querySelectorAll(":scope > ul > li")].map((item) => ({ item, text: item.textContent.toLowerCase() })),
    }));
    const checked = (name) => new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));
    let wasActive = false;
    // While a filter is active, groups with matches are open. Without a filter they return to their earlier state.
    const updateGroup = (each, matches, isActive) => {
      each.group.hidden = matches === 0;
      each.tally.textContent = isActive ? `${matches.toLocaleString("en-US")} shown` : each.tallyText;
      if (isActive && !wasActive) each.isOpen = each.group.open;
      if (isActive || wasActive) each.group.open = isActive || each.isOpen;
    };
    const update = () => {
      const [states, levels, words] = [checked("state"), checked("level"), form.elements.text.value.trim().toLowerCase()];
      const isActive = words !== "" || form.querySelector("[type=checkbox]:not(:checked)") !== null;
      let total = 0;
      for (const each of groups) {
        let matches = 0;
        for (const { item, text } of each.items) {
          const [level, state] = item.classList;
          item.hidden = !(states.has(state) && levels.has(level) && text.includes(words));
          if (!item.hidden) matches += Number(item.dataset.n ?? 1);
        }
        updateGroup(each, matches, isActive);
        total += matches;
      }
      wasActive = isActive;
      form.querySelector(".shown").textContent = `${total.toLocaleString("en-US")} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", update);
    section.addEventListener("clearfilter", () => {
      form.reset();
      update();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    const toggle = form.querySelector(".toggle");
    toggle.addEventListener("click", () => {
      const isOpening = toggle.textContent === "Expand all";
      for (const { group } of groups) group.open = isOpening;
      toggle.textContent = isOpening ? "Collapse all" : "Expand all";
    });
    update();
  }

  // A link to a closed group opens it. If the filter hides the group, the link clears the filter.
  const openTarget = (hash) => {
    const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target || target.tagName !== "DETAILS") return;
    const wasHidden = target.hidden;
    if (wasHidden) target.closest(".requirements").dispatchEvent(new Event("clearfilter"));
    target.open = true;
    if (wasHidden) target.scrollIntoView();
  };
  addEventListener("hashchange", () => openTarget(location.hash));
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) openTarget(link.hash);
  });
  openTarget(location.hash);
})();
