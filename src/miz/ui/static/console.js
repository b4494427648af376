// The chart of the console's first screen; its figures stand in a table on the page, which is its text equal.
import uPlot from "./vendor/uplot.js";

const table = document.getElementById("requests");
const place = document.getElementById("requests-chart");
const counts = [...table.tBodies[0].rows].map((row) => Number(row.cells[1].textContent)).reverse();
const minutes = counts.map((_, index) => index - counts.length + 1);

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let chart = null;

function draw() {
  chart?.destroy();
  // The tokens hold light and dark; a probe resolves the one that is shown.
  const probe = document.body.appendChild(document.createElement("span"));
  const shown = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [line, text, grid] = [shown("--lo"), shown("--mut"), shown("--ln")];
  probe.remove();
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, font: `13px ${colour("font-family") || "sans-serif"}` };
  chart = new uPlot(
    {
      width: place.clientWidth, height: 220, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false }, y: { range: (_, least, most) => [0, Math.max(5, most)] } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} min`) }, axis],
      series: [{}, { label: table.dataset.label, stroke: line, width: 2 }],
    },
    [minutes, counts],
    place,
  );
}

draw();
new ResizeObserver(draw).observe(place.parentElement);
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
