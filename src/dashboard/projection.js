/** Where a place of the Earth is on the map: the Natural Earth projection (Šavrič and others, 2011), which bends straight parallels gently. */

/** The map's width and height. Antarctica is left out. */
export const MAP = { width: 2000, height: 940 };

/** Degrees of the map's top and bottom edge are beyond these. */
const NORTH = 84;
const SOUTH = -57;
const HALF_WIDTH = horizontal(180, 0);
const SCALE = MAP.width / 2 / HALF_WIDTH;
const TOP = vertical(NORTH);
const SQUEEZE = MAP.height / (SCALE * (TOP - vertical(SOUTH)));

/**
 * @param {number} longitude in degrees
 * @param {number} latitude in degrees
 * @returns {[x: number, y: number]} from the map's upper left corner
 */
export function project(longitude, latitude) {
  const x = MAP.width / 2 + SCALE * horizontal(longitude, latitude);
  return [x, SCALE * SQUEEZE * (TOP - vertical(latitude))];
}

/**
 * @param {number} longitude
 * @param {number} latitude
 */
function horizontal(longitude, latitude) {
  const lambda = (longitude * Math.PI) / 180;
  const square = ((latitude * Math.PI) / 180) ** 2;
  return (
    lambda *
    (0.8707 + square * (-0.131979 + square * (-0.013791 + square ** 3 * (0.003971 - 0.001529 * square))))
  );
}

/** @param {number} latitude */
function vertical(latitude) {
  const phi = (latitude * Math.PI) / 180;
  const square = phi ** 2;
  return (
    phi *
    (1.007226 + square * (0.015085 + square ** 2 * (-0.044475 + 0.028874 * square - 0.005916 * square ** 2)))
  );
}
