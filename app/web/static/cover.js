// Covers for items without a picture: always the same one for an item; its colours come from its first category.

import { html } from "./vendor/htm-preact.js";

// Ground, two figures, ink: the ink is readable on the ground (WCAG AA).
const PALETTES = [
  ["#1d3557", "#e63946", "#f1e9da", "#ffffff"],
  ["#0b525b", "#ffb703", "#90e0ef", "#ffffff"],
  ["#3d1e6d", "#f72585", "#ffd166", "#ffffff"],
  ["#7f1d1d", "#fbbf24", "#fecaca", "#ffffff"],
  ["#14342b", "#60d394", "#f7d070", "#ffffff"],
  ["#f4d58d", "#bf0603", "#22577a", "#1a1206"],
  ["#2b2d42", "#ef233c", "#8d99ae", "#ffffff"],
  ["#ffcdb2", "#b5446e", "#6d2e46", "#35101f"],
  ["#52154e", "#ff9f1c", "#cbf3f0", "#ffffff"],
  ["#dfe3ea", "#3a5a94", "#e07a5f", "#0d1b2a"],
  ["#003049", "#f77f00", "#fcbf49", "#ffffff"],
  ["#40220f", "#e9a15b", "#f3e3c9", "#ffffff"],
];

/** The FNV-1a hash of a text, 32 bits. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193) >>> 0;
  return value;
}

// Each draws on 100 × 140 with two colours and a function that gives numbers below a bound.
const MOTIFS = [
  function sunrise(a, b, pick) {
    const radius = 26 + pick(12);
    const y = 62 + pick(14);
    return html`
      <circle cx=${30 + pick(40)} cy=${y} r=${radius} fill=${a} />
      ${[0, 1, 2, 3].map((row) => html`<rect x="0" y=${y + 4 + row * 11} width="100" height=${2 + row * 1.7} fill=${b} />`)}`;
  },
  function rings(a, b, pick) {
    const [x, y] = [20 + pick(60), 30 + pick(40)];
    return [62, 50, 38, 26, 14].map((radius, ring) => html`<circle cx=${x} cy=${y} r=${radius} fill=${ring % 2 ? b : a} opacity=${ring % 2 ? 0.9 : 1} />`);
  },
  function beams(a, b, pick) {
    const x = pick(100);
    return [0, 1, 2, 3, 4].map((beam) => {
      const left = -40 + beam * 44 + pick(10);
      return html`<polygon points=${`${x},8 ${left},112 ${left + 18},112`} fill=${beam % 2 ? b : a} opacity="0.92" />`;
    });
  },
  function peaks(a, b, pick) {
    const [first, second] = [20 + pick(20), 60 + pick(25)];
    return html`
      <circle cx=${second} cy=${26 + pick(10)} r="11" fill=${b} />
      <polygon points=${`${first - 50},112 ${first},${40 + pick(12)} ${first + 55},112`} fill=${a} />
      <polygon points=${`${second - 44},112 ${second},${58 + pick(14)} ${second + 50},112`} fill=${b} opacity="0.85" />`;
  },
  function quarters(a, b, pick) {
    const turn = pick(2);
    return [0, 1, 2, 3].map((cell) => {
      const [x, y] = [(cell % 2) * 50, Math.floor(cell / 2) * 50 + 6];
      const corner = (cell + turn + pick(2)) % 4;
      const [cx, cy] = [x + (corner % 2) * 50, y + Math.floor(corner / 2) * 50];
      return html`<path d=${`M${cx} ${cy} L${corner % 2 ? cx - 50 : cx + 50} ${cy} A50 50 0 0 ${corner === 0 || corner === 3 ? 1 : 0} ${cx} ${corner > 1 ? cy - 50 : cy + 50} Z`} fill=${cell % 2 === turn ? a : b} stroke=${cell % 2 === turn ? a : b} stroke-width="0.5" />`;
    });
  },
  function screen(a, b, pick) {
    const dots = [];
    const [focusX, focusY] = [pick(100), pick(100)];
    for (let y = 10; y < 108; y += 12) {
      for (let x = 8; x < 100; x += 12) {
        const near = 1 - Math.min(1, Math.hypot(x - focusX, y - focusY) / 95);
        dots.push(html`<circle cx=${x} cy=${y} r=${1 + 5 * near} fill=${near > 0.55 ? a : b} />`);
      }
    }
    return dots;
  },
  function waves(a, b, pick) {
    const lift = pick(8);
    return [0, 1, 2, 3, 4].map((row) => {
      const y = 24 + row * 19 - lift;
      const swing = row % 2 ? 12 : -12;
      return html`<path d=${`M0 ${y} C25 ${y + swing} 75 ${y - swing} 100 ${y} V${y + 11} C75 ${y + 11 - swing} 25 ${y + 11 + swing} 0 ${y + 11} Z`} fill=${row % 2 ? b : a} />`;
    });
  },
];

/** A picture for an item, with its title on it where there is room; the title itself is text beside. */
export function Cover({ id, category }) {
  let seed = hash(`${id} cover`);
  const pick = (bound) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % bound;
  };
  const [ground, a, b] = palette(id, category);
  const motif = MOTIFS[pick(MOTIFS.length)];
  return html`<svg class="cover" viewBox="0 0 100 112" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
    <rect width="100" height="112" fill=${ground} />
    ${motif(a, b, pick)}
  </svg>`;
}

/** The colours of an item's cover: ground, two figures, ink. */
export function palette(id, category) {
  return PALETTES[hash(category ?? id) % PALETTES.length];
}
