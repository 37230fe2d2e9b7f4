// Runs before anything is painted, so that a chosen theme never flashes: a classic script.
(() => {
  try {
    const chosen = localStorage.getItem("prismd.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is switched off: the system's theme holds.
  }
})();
