#pragma once
#include <cstdint>

#include "model/data/dataset.hpp"

namespace bitloom {

/// Draws a labelled set of `count` images, for machines without data: ten glyphs of strokes and arcs, each with a
/// random affine distortion, thickness, brightness, noise and a blot over a part. Ten classes, 28×28. An image depends
/// only on (seed, its index), so sets of different sizes agree on their common part. An interrupt throws Interrupted
/// between two images; so do the functions below.
Dataset generate_glyphs(std::int64_t count, std::uint64_t seed);

/// Generates training and test images that share no seed.
DataPair generate_glyph_pair(std::int64_t train_count, std::int64_t test_count, std::uint64_t seed);

/// Generates the same images for networks of another input size: drawn on the smallest square that holds `features`
/// pixels and cut to the first `features`, as one row. Labels are below `classes` (1 … 10).
Dataset generate_flat(std::int64_t count, int features, int classes, std::uint64_t seed);

}  // namespace bitloom
