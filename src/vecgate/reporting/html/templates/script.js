"use strict";
// All of the page is there without this. It adds values under the pointer, sorting, and a filter.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const made = (name, text, className) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const said = (value) => (value === null ? "–" : value.toLocaleString("en-US", { maximumSignificantDigits: 4 }));

  const clock = (seconds) => {
    const two = (number) => String(Math.floor(number)).padStart(2, "0");
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  };

  // Values under the pointer, or where the arrow keys are.
  for (const data of document.querySelectorAll(".figure > script")) {
    const told = JSON.parse(data.textContent);
    for (const drawn of data.parentElement.querySelectorAll(".drawn")) pointed(drawn, told);
  }

  function pointed(drawn, told) {
    const svg = drawn.querySelector("svg");
    const box = svg.viewBox.baseVal;
    const places = told.at.map((at) => told.left + ((at - told.low) / (told.high - told.low)) * (box.width - told.left - told.right));
    const cursor = document.createElementNS(SVG, "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", 10);
    cursor.setAttribute("y2", box.height - 30);
    const hover = made("div", "", "hover");
    hover.setAttribute("role", "status");
    let now = -1;

    const show = (index) => {
      now = Math.max(0, Math.min(places.length - 1, index));
      const lines = told.lines.filter((line) => line.values[now] !== null);
      cursor.setAttribute("x1", places[now]);
      cursor.setAttribute("x2", places[now]);
      hover.replaceChildren(made("b", told.names[now] ?? clock(told.at[now])));
      for (const line of lines) {
        const row = made("span", line.name);
        row.append(made("span", `${said(line.values[now])}`));
        hover.append(row);
      }
      svg.append(cursor);
      drawn.append(hover);
      const left = (places[now] / box.width) * drawn.clientWidth;
      const isRight = left > drawn.clientWidth / 2;
      hover.style.left = isRight ? "auto" : `${left + 12}px`;
      hover.style.right = isRight ? `${drawn.clientWidth - left + 12}px` : "auto";
    };
    const hide = () => {
      cursor.remove();
      hover.remove();
    };
    const nearest = (x) => {
      let best = 0;
      for (let index = 1; index < places.length; index += 1) if (Math.abs(places[index] - x) < Math.abs(places[best] - x)) best = index;
      return best;
    };

    const point = (event) => {
      const rect = svg.getBoundingClientRect();
      show(nearest(((event.clientX - rect.left) / rect.width) * box.width));
    };
    drawn.addEventListener("pointermove", point);
    // A finger leaves as soon as it has tapped: what it asked for stays until something else is tapped.
    drawn.addEventListener("click", point);
    drawn.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") hide();
    });
    drawn.tabIndex = 0;
    drawn.setAttribute("role", "group");
    drawn.setAttribute("aria-label", `${svg.querySelector("title").textContent}: values by arrow keys`);
    drawn.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (step) show(now + step);
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(places.length - 1);
      else if (event.key === "Escape") hide();
      else return;
      event.preventDefault();
    });
    drawn.addEventListener("blur", hide);
  }

  // Tables sorted by the heading that is pressed.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.classList.contains("unsorted") || !head.textContent || table.tBodies[0].rows.length < 2) return;
      const button = made("button", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(table, heads, column));
    });
  }

  function sort(table, heads, column) {
    const isNumber = heads[column].classList.contains("n");
    const before = heads[column].getAttribute("aria-sort");
    const isRising = before ? before === "descending" : !isNumber;
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
      return isRising ? order : -order;
    });
    table.tBodies[0].append(...rows);
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", isRising ? "ascending" : "descending");
  }

  // Requirements by outcome, level and words.
  for (const section of document.querySelectorAll(".requirements")) {
    const form = section.querySelector(".filter");
    const groups = [...section.querySelectorAll(".group")].map((group) => ({
      group,
      tally: group.querySelector(".tally"),
      told: group.querySelector(".tally").textContent,
      isOpen: group.open,
      items: [...group.querySelectorAll(":scope > ul > li")].map((item) => ({ item, text: item.textContent.toLowerCase() })),
    }));
    const chosen = (name) => new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));
    let wasActive = false;
    // What is left of a group is open for all to see; without a filter it is as it was.
    const lay = (each, here, isActive) => {
      each.group.hidden = here === 0;
      each.tally.textContent = isActive ? `${here.toLocaleString("en-US")} shown` : each.told;
      if (isActive && !wasActive) each.isOpen = each.group.open;
      if (isActive || wasActive) each.group.open = isActive || each.isOpen;
    };
    const update = () => {
      const [states, levels, words] = [chosen("state"), chosen("level"), form.elements.text.value.trim().toLowerCase()];
      const isActive = words !== "" || form.querySelector("[type=checkbox]:not(:checked)") !== null;
      let count = 0;
      for (const each of groups) {
        const { items } = each;
        let here = 0;
        for (const { item, text } of items) {
          const [level, state] = item.classList;
          item.hidden = !(states.has(state) && levels.has(level) && text.includes(words));
          if (!item.hidden) here += Number(item.dataset.n ?? 1);
        }
        lay(each, here, isActive);
        count += here;
      }
      wasActive = isActive;
      form.querySelector(".shown").textContent = `${count.toLocaleString("en-US")} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", update);
    section.addEventListener("unfilter", () => {
      form.reset();
      update();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    const toggle = form.querySelector(".toggle");
    toggle.addEventListener("click", () => {
      const isOpening = toggle.textContent === "Open all";
      for (const { group } of groups) group.open = isOpening;
      toggle.textContent = isOpening ? "Close all" : "Open all";
    });
    update();
  }

  // A link into a group that is closed opens it; into one that the filter hides, it ends the filter.
  const open = (hash) => {
    const there = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!there || there.tagName !== "DETAILS") return;
    const isHidden = there.hidden;
    if (isHidden) there.closest(".requirements").dispatchEvent(new Event("unfilter"));
    there.open = true;
    if (isHidden) there.scrollIntoView();
  };
  addEventListener("hashchange", () => open(location.hash));
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) open(link.hash);
  });
  open(location.hash);
})();
