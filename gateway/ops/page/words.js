// Numbers as people read them. What is not known is a dash.
const NONE = "–";

export const percent = (share, digits = 1) =>
  share == null ? NONE : share > 0 && share < 0.0005 ? "< 0.1 %" : `${(share * 100).toFixed(share > 0.9995 || share === 0 ? 0 : digits)} %`;

export const number = (value) => {
  if (value == null) return NONE;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  if (value >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
};

export const perSecond = (value) => (value == null ? NONE : value < 0.05 && value > 0 ? "< 0.1" : value.toFixed(value < 10 ? 1 : 0));

export const millis = (ms) => {
  if (ms == null) return NONE;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
};

export const seconds = (s) => {
  if (s == null) return NONE;
  if (s === 0) return "0";
  if (s < 1) return `${(s * 1000).toFixed(0)} ms`;
  if (s < 90) return `${s < 10 ? Number(s.toFixed(1)) : s.toFixed(0)} s`;
  if (s < 5400) return `${Number((s / 60).toFixed(s < 600 ? 1 : 0))} min`;
  if (s < 172800) return `${Number((s / 3600).toFixed(1))} h`;
  return `${(s / 86400).toFixed(0)} d`;
};

export const bytes = (size) =>
  size == null ? NONE : size >= 1e9 ? `${(size / 1e9).toFixed(1)} GB` : size >= 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e3).toFixed(1)} kB`;

export const clock = (s, options = { hour: "2-digit", minute: "2-digit", second: "2-digit" }) =>
  new Date(s * 1000).toLocaleTimeString([], { ...options, hourCycle: "h23" });

export const plain = (name) => name.toLowerCase().replaceAll("_", " ");

export const title = (name) => {
  const words = plain(name);
  return words[0].toUpperCase() + words.slice(1);
};
