// The one file of the library that the precompiled header belongs to.
