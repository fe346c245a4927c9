
"use strict";
// All of the report is there without this script: it finds things in it.

/** What a link leads to is shown, however deep in folds it lies. */
function unfold(element) {
  for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  unfold(target);
  target.scrollIntoView();
}

/** The controls of a fold, in front of what they control. */
function controls(name, before) {
  const form = document.getElementById(name).content.firstElementChild.cloneNode(true);
  form.addEventListener("submit", (event) => event.preventDefault());
  before.before(form);
  return form;
}

/** The table of differences: its rows, as far as they have a text and are of a kind. */
class Table {
  constructor(root) {
    const area = root.querySelector(".scroll");
    this.rows = [...area.querySelector("tbody").rows];
    const form = controls("table-controls", area);
    this.text = form.querySelector("input");
    this.kind = form.querySelector("select");
    this.count = form.querySelector("output");
    form.addEventListener("input", () => this.filter());
  }

  filter() {
    const wanted = this.text.value.toLowerCase();
    let shown = 0;
    for (const row of this.rows) {
      const kinds = row.dataset.kind.split(" ");
      const fits = (!this.kind.value || kinds.includes(this.kind.value)) && row.textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      shown += fits;
    }
    this.count.value = `${shown} of ${this.rows.length}`;
  }
}

/** The pictures of two runs: what is hovered is explained, what is searched is found. */
class Pictures {
  constructor(root) {
    const area = root.querySelector(".pictures");
    const form = controls("graph-controls", area);
    this.root = root;
    this.text = root.querySelector(".node");
    this.search = form.querySelector("input");
    this.count = form.querySelector("output");
    this.text.hidden = false;
    form.addEventListener("input", () => this.find());
    form.addEventListener("click", (event) => {
      if (event.target.matches("button")) this.step(Number(event.target.value));
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
    });
    for (const kind of ["pointerover", "click"])
      area.addEventListener(kind, (event) => this.look(event.target.closest("g")));
    area.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.walk(by);
    });
    this.find();
    this.look(this.hits[0] ?? root.querySelector("g:not(.port)"));
  }

  /** From node to node, as they run: what no search and no difference leads to, by keyboard. */
  walk(by) {
    const nodes = new Map();
    for (const node of this.root.querySelectorAll("g:not(.port)"))
      if (!nodes.has(node.dataset.node)) nodes.set(node.dataset.node, node);
    const numbers = [...nodes.keys()].sort((one, other) => one - other);
    const at = numbers.indexOf(this.number) + by;
    if (at < 0 || at >= numbers.length) return;
    const node = nodes.get(numbers[at]);
    unfold(node);
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.look(node);
  }

  /** Nodes that have the text; without one, those that are not the same in both runs. */
  find() {
    const wanted = this.search.value.toLowerCase();
    for (const node of this.root.querySelectorAll("g.hit, g.at")) node.classList.remove("hit", "at");
    const nodes = wanted ? "g:not(.port)" : "g.serving:not(.port), g.profile:not(.port), g.changed";
    const found = new Map();
    const checks = new Set();
    for (const node of this.root.querySelectorAll(nodes)) {
      if (wanted && !node.firstElementChild.textContent.toLowerCase().includes(wanted)) continue;
      if (!wanted && node.classList.contains("check")) {
        checks.add(node.dataset.node);
        continue;
      }
      if (wanted) node.classList.add("hit");
      if (!found.has(node.dataset.node)) found.set(node.dataset.node, node);
    }
    this.hits = [...found.values()];
    this.at = -1;
    const number = this.hits.length;
    const more = checks.size ? `, ${checks.size} more in checks of sizes` : "";
    this.count.value = `${number} ${wanted ? "found" : number === 1 ? "difference" : "differences"}${more}`;
  }

  step(by) {
    const number = this.hits.length;
    if (!number) return;
    if (this.at >= 0) this.hits[this.at].classList.remove("at");
    this.at = this.at < 0 && by < 0 ? number - 1 : (this.at + by + number) % number;
    const node = this.hits[this.at];
    node.classList.add("at");
    unfold(node);
    node.scrollIntoView({ block: "center", inline: "nearest" });
    this.look(node);
    this.count.value = `${this.at + 1} of ${number}`;
  }

  /** The node in both runs, and the edges that lead to it and from it. */
  look(node) {
    if (!node) return;
    for (const near of this.root.querySelectorAll(".near")) near.classList.remove("near");
    const number = (this.number = node.dataset.node);
    for (const same of this.root.querySelectorAll(`[data-node="${number}"]`)) {
      same.classList.add("near");
      for (const edge of same.ownerSVGElement.querySelectorAll(`[data-from="${number}"], [data-to="${number}"]`))
        edge.classList.add("near");
    }
    this.text.textContent = node.firstElementChild.textContent;
  }
}

/** A fold gets its controls when it is opened: there can be thousands of them. */
function equip(fold) {
  if (!fold.open || fold.querySelector(":scope > .controls")) return;
  if (fold.matches(".observed")) new Table(fold);
  if (fold.matches(".graphs") && fold.querySelector(".pictures")) new Pictures(fold);
}

window.addEventListener("hashchange", follow);
document.addEventListener("toggle", (event) => equip(event.target), true);
for (const fold of document.querySelectorAll("details[open]")) equip(fold);
follow();
