/** The least length of a new password, in UTF-16 units: the strength of everything rests on it. */
export const minPasswordLength = 8;
