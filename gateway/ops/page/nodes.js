// The little that this page needs of a framework: making elements, and keeping those that are there.

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// Text is written only where it changed, so that a selection or a focus outlives the next second.
export function say(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (node.dataset[name] !== String(value)) node.dataset[name] = value;
}

// One child per item, kept by its key: a button that is being pressed stays the same button.
export function keyed(parent, items, keyOf, create, update) {
  const known = (parent.known ??= new Map());
  const seen = new Set();
  items.forEach((item, index) => {
    const key = keyOf(item);
    seen.add(key);
    let node = known.get(key);
    if (!node) known.set(key, (node = create(item)));
    update(node, item);
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  for (const [key, node] of known) {
    if (!seen.has(key)) {
      node.remove();
      known.delete(key);
    }
  }
}

export function row(cells) {
  return make("tr", {}, ...cells.map((kind) => make("td", { class: kind })));
}

export function fill(tr, texts) {
  texts.forEach((text, index) => say(tr.children[index], text));
}

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
