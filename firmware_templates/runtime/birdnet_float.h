/**
 * @file
 * Compiler settings that every source with floats needs.
 *
 * NaN marks values that have to be computed again, and the order of sums and divisions decides how
 * they are rounded. Therefore -ffast-math is refused: it changes features, by up to their whole
 * range. -ffp-contract is not refused: a fused multiply-add changes only the last bit of a few
 * floats. CMakeLists.txt switches it off, so that all processors give the same bits.
 */
#ifndef BIRDNET_FLOAT_H
#define BIRDNET_FLOAT_H

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||     \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "results would change: build this without -ffast-math, -Ofast and their parts"
#endif

#endif
