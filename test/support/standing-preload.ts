/** Loaded before the program (`bun --preload`) where a test has things happen in the same moment: the time since its start stands still. */

const standsAtMs = performance.now();
performance.now = () => standsAtMs;
