// The chart of the console's first screen; its figures stand in a table on the page, which is its text equal.
import { refresh } from "./live.js";
import uPlot from "./vendor/uplot.js";

const MINUTE_MS = 60_000;
const place = document.getElementById("requests-chart");
let chart = null;

// The tokens hold light and dark; a probe resolves the one that is shown.
function shown(name) {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const size = () => ({ width: place.clientWidth, height: place.clientHeight });

function figures() {
  const counts = [...document.querySelectorAll("#requests tbody tr")].map((row) => Number(row.cells[1].textContent)).reverse();
  return [counts.map((_, index) => index - counts.length + 1), counts];
}

function draw() {
  const [line, area, text, grid] = ["--lo", "--lo-bg", "--mut", "--ln"].map(shown);
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: `13px ${getComputedStyle(document.body).fontFamily}` };
  chart?.destroy();
  chart = new uPlot(
    {
      ...size(), legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false }, y: { range: (_, least, most) => [0, Math.max(5, most * 1.1)] } },
      axes: [
        { ...axis, incrs: [10, 20], values: (_, ticks) => ticks.map((tick) => `${tick} min`.replace("-", "−")) },
        { ...axis, incrs: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 10_000] },
      ],
      series: [{}, { stroke: line, fill: area, width: 2, points: { show: false } }],
    },
    figures(),
    place,
  );
}

draw();
new ResizeObserver(() => chart.setSize(size())).observe(place);
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.addEventListener("htmx:oobAfterSwap", (event) => event.target.id === "requests-figures" && chart.setData(figures()));
setInterval(refresh, MINUTE_MS);
