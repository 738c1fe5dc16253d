// Everything works without this file. It keeps pages fresh, adds keys, copies snippets and draws charts that can be read by pointer.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // One stream says what changed; the part of the page that shows it asks for itself again.
  const watched = (document.body.dataset.watch || "").split(" ").filter(Boolean);
  if (watched.length && window.EventSource) {
    const status = document.getElementById("live");
    const source = new EventSource("/changes?watch=" + encodeURIComponent(watched.join(",")));
    source.addEventListener("changed", () => document.body.dispatchEvent(new CustomEvent("news")));
    source.onerror = () => { status.hidden = false; status.textContent = "Not live: reconnecting"; };
    source.onopen = () => { status.hidden = true; };
    addEventListener("pagehide", () => source.close());
  }

  // Keys: j and k move in a list, Enter opens; in one review a approves, r refuses, 1 to 5 say how sure, e explains.
  const typing = (target) => target.matches("textarea, select, input:not([type=radio])");
  const rowsOf = () => all("[data-row]");
  const choose = (step) => {
    const rows = rowsOf();
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("chosen"));
    rows.forEach((row) => row.classList.remove("chosen"));
    const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
    row.classList.add("chosen");
    row.querySelector("a").focus();
  };
  const press = (key) => {
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return false;
    target.focus();
    if (target.matches("input[type=radio]")) target.checked = true;
    else if (target.matches("a")) target.click();
    return true;
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
    if (event.key === "j" || event.key === "k") choose(event.key === "j" ? 1 : -1);
    else if (event.key === "Enter" && !event.target.closest("a, button, summary, form") && rowsOf().length) {
      (document.querySelector("[data-row].chosen a") || rowsOf()[0].querySelector("a")).click();
    } else if (event.key.length === 1 && press(event.key)) event.preventDefault();
  });

  const copy = (button) => {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    });
  };

  // The table under a chart is its data; the drawing that came with the page gives way to one that can be read off.
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const chart = (figure) => {
    if (!window.uPlot || figure.querySelector(".uplot")) return;
    const data = JSON.parse(figure.dataset.chart);
    const line = (label, stroke, dash) => ({ label, stroke: colour(stroke), width: 2, dash, points: { show: false }, value: (_, v) => v == null ? "–" : v.toFixed(1) + " %" });
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const drawn = figure.querySelector("svg.plot");
    const days = data.at[data.at.length - 1] - data.at[0] > 2 * 86400;
    const when = (seconds) => new Date(seconds * 1000).toISOString().slice(days ? 5 : 11, days ? 10 : 16);
    const marks = (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.fillStyle = ctx.strokeStyle = colour("--quiet");
      ctx.setLineDash([4, 4]);
      ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      data.markers.forEach((marker) => {
        const x = Math.round(plot.valToPos(marker.at, "x", true));
        ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
        const late = x > bbox.left + bbox.width * 0.8;
        ctx.textAlign = late ? "right" : "left";
        ctx.fillText(marker.text, x + (late ? -5 : 5), bbox.top + 14);
      });
      ctx.restore();
    };
    const size = () => ({ width: figure.clientWidth, height: 260 });
    const plot = new uPlot({
      ...size(), tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      series: [{ label: "Time (UTC)", value: (_, v) => v == null ? "–" : new Date(v * 1000).toISOString().slice(0, 16).replace("T", " ") }, line("Left", "--spent"), line("Spent evenly", "--ideal", [5, 4])],
      axes: [{ ...axis, values: (_, ticks) => ticks.map(when) }, { ...axis, values: (_, ticks) => ticks.map((tick) => tick + " %") }],
      scales: { y: { range: [data.lowest, 100] } }, hooks: { draw: [marks] },
    }, [data.at, data.left, data.even], figure.querySelector(".canvas"));
    drawn.setAttribute("hidden", "");
    figure.querySelector(".legend").hidden = true;
    addEventListener("resize", () => plot.setSize(size()));
  };

  const prepare = (root = document) => { all("[data-copy]", root).forEach(copy); all("[data-chart]", root).forEach(chart); };
  document.body.addEventListener("htmx:after:swap", () => prepare());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    all(".uplot").forEach((drawn) => drawn.remove());
    all("[data-chart]").forEach(chart);
  });
  prepare();
})();
