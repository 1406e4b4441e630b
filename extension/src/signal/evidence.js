// From scores to proved probabilities, as `sottovoce.core.evidence` does.
//
// For sound that does not depend on the signs, a score of unit variance is a weighted sum of
// independent fair signs.  Hence P(Z >= t) <= min(exp(-t^2 / 2), 3.1787 (1 - Phi(t))), by Hoeffding and
// by Bentkus and Dzindzalieta (sources are given there), whatever the weights; times the places that
// were searched.

const BENTKUS = 3.1787;
/** From here on the continued fraction converges fast, and below it the series has digits enough. */
const FAR = 3;
const N_TERMS = 80;

/**
 * @param {number} z
 * @returns {number} natural logarithm of the probability that a normal variable exceeds `z`.
 */
export function logNormalTail(z) {
  if (z < 0) return Math.log1p(-Math.exp(logNormalTail(-z)));
  const logDensity = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI);
  if (z < FAR) {
    // Phi(z) - 1/2 = density * (z + z^3 / 3 + z^5 / 15 + ...)
    let term = z;
    let sum = z;
    for (let k = 1; k < N_TERMS; k++) {
      term *= (z * z) / (2 * k + 1);
      sum += term;
    }
    return Math.log(0.5 - Math.exp(logDensity) * sum);
  }
  // Mills' ratio is 1 / (z + 1 / (z + 2 / (z + 3 / ...))).
  let fraction = z;
  for (let k = N_TERMS; k > 0; k--) fraction = z + k / fraction;
  return logDensity - Math.log(fraction);
}

/**
 * @param {number} z score of unit variance.
 * @param {number} nHypotheses places that were searched.
 * @returns {number} logarithm to base 10 of the p-value, at most 0.
 */
export function log10PValue(z, nHypotheses) {
  const hoeffding = z > 0 ? -0.5 * z * z : 0;
  const bentkus = Math.log(BENTKUS) + logNormalTail(z);
  const logP = Math.min(hoeffding, bentkus) + Math.log(Math.max(nHypotheses, 1));
  return Math.min(logP / Math.LN10, 0);
}
