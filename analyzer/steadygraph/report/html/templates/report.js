
"use strict";
// All of the report is there without this script: it finds things in it.

document.documentElement.classList.add("scripted");

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
window.addEventListener("hashchange", follow);
follow();

for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (event) => event.preventDefault());

// --- the table of differences ---------------------------------------------------------------------------

for (const form of document.querySelectorAll("form[data-filter]")) {
  const rows = [...document.getElementById(form.dataset.filter).tBodies[0].rows];
  const [text, kind, count] = [form.querySelector("input"), form.querySelector("select"), form.querySelector("output")];
  const filter = () => {
    const wanted = text.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!kind.value || row.dataset.kind.split(" ").includes(kind.value)) &&
        row.textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      shown += fits;
    }
    count.value = `${shown} of ${rows.length}`;
  };
  form.addEventListener("input", filter);
}

// --- the pictures of graphs ------------------------------------------------------------------------------

/** The nodes of one comparison: what is hovered is explained, what is searched is found. */
class Pictures {
  constructor(form) {
    this.root = document.getElementById(form.dataset.graphs);
    this.text = this.root.querySelector(".node");
    this.count = form.querySelector("output");
    this.search = form.querySelector("input");
    this.hits = null;
    this.at = -1;
    form.addEventListener("input", () => this.find());
    form.addEventListener("click", (event) => {
      if (event.target.value) this.step(Number(event.target.value));
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
    });
    this.root.addEventListener("toggle", () => this.root.open && this.hits === null && this.find());
    if (this.root.open) this.find();
    const area = this.root.querySelector(".pictures");
    area.addEventListener("pointerover", (event) => this.look(event.target.closest("g")));
    area.addEventListener("pointerleave", () => this.look(null));
  }

  /** Nodes that have the text; without one, those that only one run has. */
  find() {
    const wanted = this.search.value.toLowerCase();
    for (const node of this.root.querySelectorAll("g.hit, g.at")) node.classList.remove("hit", "at");
    const nodes = wanted ? "g:not(.port)" : "g.serving:not(.port), g.profile:not(.port)";
    const found = new Map();
    for (const node of this.root.querySelectorAll(nodes)) {
      if (wanted && !node.firstElementChild.textContent.toLowerCase().includes(wanted)) continue;
      if (wanted) node.classList.add("hit");
      if (!found.has(node.dataset.node)) found.set(node.dataset.node, node);
    }
    this.hits = [...found.values()];
    this.at = -1;
    const number = this.hits.length;
    this.count.value = `${number} ${wanted ? "found" : number === 1 ? "difference" : "differences"}`;
  }

  step(by) {
    if (!this.hits || !this.hits.length) return;
    if (this.at >= 0) this.hits[this.at].classList.remove("at");
    this.at = this.at < 0 && by < 0 ? this.hits.length - 1 : (this.at + by + this.hits.length) % this.hits.length;
    const node = this.hits[this.at];
    node.classList.add("at");
    unfold(node);
    node.scrollIntoView({ block: "center", inline: "nearest" });
    this.look(node);
    this.count.value = `${this.at + 1} of ${this.hits.length}`;
  }

  /** The node in both runs, and the edges that lead to it and from it. */
  look(node) {
    for (const near of this.root.querySelectorAll(".near")) near.classList.remove("near");
    if (!node) return;
    const number = node.dataset.node;
    for (const same of this.root.querySelectorAll(`[data-node="${number}"]`)) {
      same.classList.add("near");
      for (const edge of same.ownerSVGElement.querySelectorAll(`[data-from="${number}"], [data-to="${number}"]`))
        edge.classList.add("near");
    }
    this.text.hidden = false;
    this.text.textContent = node.firstElementChild.textContent;
  }
}

for (const form of document.querySelectorAll("form[data-graphs]")) new Pictures(form);
