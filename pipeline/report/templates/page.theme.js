// Before anything is drawn: the theme that was chosen last time, if this browser may remember.
try {
  const theme = localStorage.getItem("coremark-wasm-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage may be forbidden: then the system's theme it is */ }
