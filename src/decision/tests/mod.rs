//! The two lists, row by row; the properties of architecture §4; numbers and words.

mod any;
mod causes;
mod edges;
mod endpoint;
mod inputs;
mod obstacles;
mod pace;
mod properties;
mod retry;
mod scene;
mod schedule;
mod settle;
mod steps;
mod urgency;
mod words;
