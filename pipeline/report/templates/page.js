"use strict";
// What the page can do beyond being read: sorts, filters, themes, and charts that answer. No data ever becomes markup.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };

  // Themes.
  const KEY = "coremark-wasm-theme";
  const switcher = document.querySelector(".theme");
  switcher.hidden = false;
  const chosen = document.documentElement.dataset.theme || "auto";
  for (const radio of all("input", switcher)) {
    radio.checked = radio.value === chosen;
    radio.addEventListener("change", () => {
      const theme = radio.value;
      if (theme === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
      try {
        if (theme === "auto") localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, theme);
      } catch { /* not remembered, but switched */ }
    });
  }

  // Sorting: empty cells come last in both directions.
  const value = (row, index) => {
    const cell = row.cells[index];
    const text = cell.dataset.v ?? cell.textContent.trim();
    return text === "" ? null : text;
  };
  const compare = (a, b, numeric) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? Infinity : -Infinity;
    return numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
  };
  for (const table of all("table.sorts")) {
    const heads = all("thead th", table);
    heads.forEach((head, index) => {
      const button = make("button", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("number");
        const before = head.getAttribute("aria-sort");
        const first = numeric ? "descending" : "ascending";
        const other = numeric ? "ascending" : "descending";
        const next = before === first ? other : first;
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        const turn = next === "ascending" ? 1 : -1;
        const keyed = [...table.tBodies[0].rows].map((row) => [value(row, index), row]);
        keyed.sort(([a], [b]) => {
          const order = compare(a, b, numeric);
          return Math.abs(order) === Infinity ? order : turn * order;
        });
        table.tBodies[0].append(...keyed.map(([, row]) => row));
      });
    });
  }

  // Filtering.
  for (const form of all("form.filters")) {
    const table = document.getElementById(form.dataset.table);
    const rows = [...table.tBodies[0].rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const count = document.getElementById(form.dataset.count);
    const apply = () => {
      const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const picks = all("select", form).filter((select) => select.value !== "");
      let shown = 0;
      for (const row of rows) {
        const fits = words.every((word) => texts.get(row).includes(word))
          && picks.every((select) => row.dataset[select.name] === select.value);
        row.hidden = !fits;
        shown += fits;
      }
      count.textContent = `${shown} of ${rows.length} rows shown`;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("reset", () => setTimeout(apply));
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  // The text of one mark of a chart; the same for the pointer and the keyboard.
  const pop = make("div", undefined, "pop");
  pop.hidden = true;
  pop.setAttribute("aria-hidden", "true");
  const aloud = make("div", undefined, "aloud");
  aloud.setAttribute("role", "status");
  document.body.append(pop, aloud);
  let follow = null;
  const tell = (text, x, y, again = null) => {
    follow = again;
    if (!text) { pop.hidden = true; return; }
    pop.replaceChildren(...text.split("\n").map((line) => make("p", line)));
    pop.hidden = false;
    const { width, height } = pop.getBoundingClientRect();
    const left = Math.min(x + 14, innerWidth - width - 8);
    const top = y + 16 + height > innerHeight - 8 ? y - height - 12 : y + 16;
    pop.style.left = `${Math.max(8, left)}px`;
    pop.style.top = `${Math.max(8, top)}px`;
  };
  const textOf = (item) => {
    const tip = item && item.tooltip;
    return typeof tip === "string" ? tip : tip && typeof tip.tip === "string" ? tip.tip : null;
  };
  const tooltip = (_, event, item, tip) => {
    const text = typeof tip === "string" ? tip : tip && tip.tip;
    tell(typeof text === "string" ? text : null, event.clientX, event.clientY);
  };
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tell(null); });
  // A text shown for the pointer is no longer under it; one shown for the keyboard moves along.
  addEventListener("scroll", () => (follow ? follow() : tell(null)), { passive: true, capture: true });

  // Arrow keys walk over the marks: through a heatmap as over a grid, in other charts along the axis of the arrow.
  const walk = (box, grid) => {
    let current = null;
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    ring.setAttribute("class", "ring");
    ring.setAttribute("rx", "4");
    const marks = () => {
      const seen = new Map();
      for (const path of all(".role-mark:not(.mark-line) path", box)) {
        const text = textOf(path.__data__);
        if (text && !seen.has(text)) seen.set(text, path);
      }
      return [...seen].map(([text, path]) => {
        const of = path.getBoundingClientRect();
        return { text, of, x: Math.round(of.x + of.width / 2), y: Math.round(of.y + of.height / 2) };
      });
    };
    box.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowDown: ["y", 1], ArrowUp: ["y", -1] };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const [axis, step] = steps[event.key];
      const order = { x: grid ? ["y", "x"] : ["x", "y"], y: grid ? ["x", "y"] : ["y", "x"] }[axis];
      const found = marks().sort((a, b) => a[order[0]] - b[order[0]] || a[order[1]] - b[order[1]]);
      if (!found.length) return;
      const at = found.findIndex((mark) => mark.text === current);
      const next = found[at < 0 ? 0 : Math.min(found.length - 1, Math.max(0, at + step))];
      current = next.text;
      const port = box.getBoundingClientRect();
      if (next.of.left < port.left) box.scrollLeft -= port.left - next.of.left + 40;
      else if (next.of.right > port.right) box.scrollLeft += next.of.right - port.right + 40;
      const svg = box.querySelector("svg");
      const origin = svg.getBoundingClientRect();
      const again = marks().find((mark) => mark.text === current).of;
      for (const [name, number] of [["x", again.left - origin.left - 2], ["y", again.top - origin.top - 2],
        ["width", again.width + 4], ["height", again.height + 4]]) ring.setAttribute(name, number);
      svg.append(ring);
      const say = () => {
        const { right, bottom } = ring.getBoundingClientRect();
        tell(current, right, bottom - 16, say);
      };
      say();
      aloud.textContent = current;
    });
    box.addEventListener("blur", () => { ring.remove(); tell(null); });
  };

  // Charts: a picture is replaced only by a chart that was drawn.
  const given = JSON.parse(document.getElementById("chart-data").textContent);
  const draw = async (box) => {
    const { spec, data } = given.charts[box.dataset.chart];
    const wide = typeof spec.width === "number" && !spec.hconcat;
    const whole = structuredClone(spec);
    whole.datasets = Object.fromEntries(Object.entries(data).map(([name, set]) => [name, given.sets[set]]));
    const width = () => Math.max(300, box.clientWidth);
    if (wide) {
      whole.width = width();
      whole.autosize = { type: "fit-x", contains: "padding" };
    }
    const heatmap = data.cells && box.dataset.chart.startsWith("heatmap");
    if (heatmap) {
      // As wide as there is room for, but for names of backends; on a phone as narrow as numbers allow.
      const columns = new Set(given.sets[data.cells].map((cell) => cell.variant)).size;
      whole.width = { step: Math.max(50, Math.min(156, (box.clientWidth - 180) / columns)) };
    }
    whole.config.legend.columns = Math.max(2, Math.floor(box.clientWidth / 170));
    whole.config.font = getComputedStyle(document.body).fontFamily;
    const holder = make("div");
    const { view } = await vegaEmbed(holder, whole, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, hover: false, tooltip,
      loader: { load: () => Promise.reject(new Error("this page fetches nothing")), sanitize: () => Promise.reject(new Error("no links")) },
    });
    // What assistive technology gets are the marks that the arrow keys read, and the tables.
    holder.setAttribute("aria-hidden", "true");
    box.replaceChildren(holder);
    box.setAttribute("role", "application");
    box.setAttribute("aria-roledescription", "chart, arrow keys read its marks");
    if (wide) {
      let last = box.clientWidth;
      new ResizeObserver(() => {
        if (box.clientWidth === last) return;
        last = box.clientWidth;
        view.width(width()).runAsync();
      }).observe(box);
    }
    walk(box, heatmap);
  };

  // On paper everything is open.
  addEventListener("beforeprint", () => all("details:not([open])").forEach((each) => {
    each.open = true;
    each.dataset.shut = "";
  }));
  addEventListener("afterprint", () => all("details[data-shut]").forEach((each) => {
    each.open = false;
    delete each.dataset.shut;
  }));

  Promise.allSettled(all("[data-chart]").map(draw)).then((outcomes) => {
    for (const outcome of outcomes) if (outcome.status === "rejected") console.error(outcome.reason);
    performance.mark("page-ready");
    document.documentElement.dataset.ready = "";
  });
})();
