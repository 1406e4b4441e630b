// What crosses between worlds in Firefox, where objects of one may not be read by the other.
export const give = (value) => (typeof cloneInto === "function" ? cloneInto(value, window) : value);
