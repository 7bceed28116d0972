/**
 * Argon2 in a module of its own: imported only when a key is derived, so that a bundle can keep it in a chunk that
 * loads then, and by name, so that the chunk holds none of the library's other algorithms.
 */
export { argon2id } from 'hash-wasm';
