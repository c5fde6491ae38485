// One state of a figure at a time, chosen with a range input. Without this script all states stand one below the other,
// so the control is made here: a dead one never shows. The page's policy allows exactly this text, by its SHA-256.
(function () {
  for (const figure of document.querySelectorAll("figure[data-scrubber]:not([data-alive])")) {
    figure.dataset.alive = "";
    const states = Array.from(figure.querySelectorAll("[data-state]"));
    const label = document.createElement("label");
    const range = document.createElement("input");
    const now = document.createElement("output");
    range.type = "range";
    range.min = 1;
    range.max = states.length;
    range.value = 1;
    range.style.cssText = "flex:1 1 12rem;min-width:0;height:2.75rem;margin:0 .3rem";
    // JupyterLab would take the keys for its own commands; it looks for this on the element that has the focus.
    range.dataset.lmSuppressShortcuts = "";
    label.style.cssText = "display:flex;gap:.6rem;align-items:center;max-width:34rem";
    now.style.cssText = "display:block;margin:.5rem 0;font-weight:600";
    now.setAttribute("aria-live", "polite");
    label.append("State", range);
    const show = function () {
      const chosen = Number(range.value) - 1;
      states.forEach(function (state, index) { state.hidden = index !== chosen; });
      now.textContent = range.value + " of " + states.length + ": " + states[chosen].dataset.state;
    };
    for (const state of states) {
      state.firstElementChild.remove();
      figure.insertBefore(state, figure.lastElementChild);
    }
    figure.querySelector("details").remove();
    figure.prepend(label, now);
    range.addEventListener("input", show);
    show();
  }
})();
