// Fills the {places} of a text; a value is taken as it is, whatever characters it has.
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
