//! The client against the emulator: many bytes over a bad line, and what is said to whoever asks for what cannot be had.

mod bulk;
mod refusals;
mod world;
