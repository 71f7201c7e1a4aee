//! The loop: what runs next, under which permit, and where its outcome goes.
