// The browser's storage for what outlives the page. It may be closed to a framed page, or full: then nothing is kept,
// and each verb says so instead of failing.

export function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

export function drop(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // what cannot be opened holds nothing of ours
  }
}

// The keys that begin so, sorted.
export function under(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix)).sort();
  } catch {
    return [];
  }
}
