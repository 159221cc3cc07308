//! Properties of the repository itself: which file may import which, and that the documents match the code.

mod docs;
mod layers;
mod type_names;
