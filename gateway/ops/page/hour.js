// The last hour as curves: one per source, all in one chart, and a small one in each tile.
import { css, keyed, make, say } from "/ops/page/nodes.js";
import { get } from "/ops/page/net.js";
import { clock, percent, perSecond, title } from "/ops/page/words.js";

const EVERY_MS = 5000;
const COLOURS = 9;
const chart = document.getElementById("hour");
const legend = document.getElementById("legend");
const hidden = new Set();
let past = { step: 5, sources: {} };
let curve = "hit";
let plot = null;

export const colourOf = (names, name) => css(`--series-${(names.indexOf(name) % COLOURS) + 1}`);

const WHAT = {
  hit: { range: (_, low) => [Math.max(0, Math.floor((low ?? 0) * 10) / 10 - 0.05), 1.005], text: (v) => percent(v, 0) },
  stale: { range: (_, __, high) => [0, Math.max(0.05, (high ?? 0) * 1.1)], text: (v) => percent(v, 0) },
  sent: { range: (_, __, high) => [0, Math.max(1, (high ?? 0) * 1.1)], text: perSecond },
};

// Columns of different sources have different moments, if one was not asked at all: lay them on one axis.
function columns(names) {
  const moments = [...new Set(names.flatMap((name) => past.sources[name].at))].sort((a, b) => a - b);
  return [
    moments,
    ...names.map((name) => {
      const { at, [curve]: values } = past.sources[name];
      const by = new Map(at.map((moment, index) => [moment, values[index]]));
      return moments.map((moment) => by.get(moment) ?? null);
    }),
  ];
}

const moment = (s) => clock(s, s % 60 ? undefined : { hour: "2-digit", minute: "2-digit" });

function axes() {
  const stroke = css("--soft");
  const grid = { stroke: css("--line"), width: 1 };
  return [
    { stroke, grid: { show: false }, ticks: { show: false }, font: "12px system-ui", space: 70, size: 34, values: (_, all) => all.map(moment) },
    { stroke, grid, ticks: { show: false }, font: "12px system-ui", size: 52, values: (_, all) => all.map(WHAT[curve].text) },
  ];
}

function draw() {
  const names = Object.keys(past.sources).filter((name) => curve !== "sent" || name !== "RESPONSES");
  const every = Object.keys(past.sources);
  plot?.destroy();
  chart.replaceChildren();
  plot = null;
  if (!names.length) {
    chart.append(make("p", { class: "empty" }, "The first curve appears a few seconds after the first question."));
    return;
  }
  const series = names.map((name) => ({
    label: title(name),
    stroke: colourOf(every, name),
    width: name === "RESPONSES" ? 1.5 : 2,
    dash: name === "RESPONSES" ? [5, 4] : undefined,
    points: { show: false },
    spanGaps: true,
    show: !hidden.has(name),
    paths: uPlot.paths.linear(),
  }));
  const options = {
    width: chart.clientWidth,
    height: chart.clientWidth < 600 ? 190 : 260,
    padding: [10, 30, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false } },
    scales: { x: { time: true }, y: { range: WHAT[curve].range } },
    axes: axes(),
    series: [{}, ...series],
    hooks: { setCursor: [(self) => tell(names, self.cursor.idx)] },
  };
  plot = new uPlot(options, columns(names), chart);
  tell(names, null);
}

function tell(names, index) {
  const every = Object.keys(past.sources);
  const data = plot?.data ?? [];
  keyed(
    legend,
    names,
    (name) => name,
    (name) => {
      const swatch = make("i");
      const button = make("button", { type: "button", "aria-pressed": "true", onclick: () => toggle(name) });
      button.append(swatch, make("span"), make("b"));
      return button;
    },
    (button, name) => {
      button.querySelector("i").style.background = colourOf(every, name);
      button.setAttribute("aria-pressed", String(!hidden.has(name)));
      say(button.querySelector("span"), name === "RESPONSES" ? "Whole answers" : title(name));
      const values = data[names.indexOf(name) + 1] ?? [];
      const value = index == null ? values.slice(-12).findLast((v) => v != null) : values[index];
      say(button.querySelector("b"), WHAT[curve].text(value));
    },
  );
}

function toggle(name) {
  if (!hidden.delete(name)) hidden.add(name);
  draw();
}

// A tile's curve: no axes, the full hour, and a floor that shows what happens near a hundred percent.
export function sparkline(box, name) {
  const kept = past.sources[name];
  if (!kept || kept.at.length < 2 || !box.clientWidth) return;
  const end = kept.at.at(-1);
  const values = kept.hit;
  if (box.plot && box.plot.colour === css("--accent")) {
    if (box.plot.data[0].at(-1) !== end) box.plot.setData([kept.at, values]);
    return;
  }
  box.plot?.destroy();
  const line = css("--accent");
  box.plot = new uPlot(
    {
      width: box.clientWidth,
      height: 36,
      legend: { show: false },
      cursor: { show: false },
      padding: [2, 0, 2, 0],
      scales: { x: { time: true }, y: { range: (_, low) => [Math.max(0, Math.min(low ?? 0, 0.9) - 0.05), 1.02] } },
      axes: [{ show: false }, { show: false }],
      series: [{}, { stroke: line, width: 1.5, fill: css("--accent-wash"), spanGaps: true, points: { show: false } }],
    },
    [kept.at, values],
    box,
  );
  box.plot.colour = line;
}

async function refresh() {
  try {
    past = await get("/ops/past");
    draw();
  } catch {
    // The live stream says that the gateway is not there; the curves stay as they were.
  }
}

export function followHour() {
  document.getElementById("curve-choice").addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    curve = chosen.dataset.curve;
    for (const button of chosen.parentElement.children) button.setAttribute("aria-pressed", String(button === chosen));
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", draw);
  setInterval(refresh, EVERY_MS);
  refresh();
}
