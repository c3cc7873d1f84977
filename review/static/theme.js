// Follow Airflow's colours when it frames the desk; by itself the desk follows the system's.
(() => {
  const root = document.documentElement;
  let host = null;
  try {
    host = window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return; // framed by another origin, which the policy forbids anyway
  }
  if (!host) return;
  const follow = () => {
    if (host.classList.contains("dark")) root.dataset.theme = "dark";
    else if (host.classList.contains("light")) root.dataset.theme = "light";
  };
  follow();
  new MutationObserver(follow).observe(host, { attributes: true, attributeFilter: ["class"] });
})();
