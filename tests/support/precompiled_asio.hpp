#pragma once
// What nearly every test of cache and net includes, compiled once.
#include "cache/wire/precompiled.hpp"
#include "tests/support/precompiled.hpp"
