// Codes of the four methods (N18, N19, N21, N22).
#include <fmt/format.h>

#include "kernels/step.hpp"
#include "model/error.hpp"

namespace bitloom {

void Step::method_weights(int s) { throw Error(name(s, "w: this weight quantizer is not lowered")); }
void Step::method_input(int s) { throw Error(name(s, "x: this activation quantizer is not lowered")); }
void Step::method_gradient(int s) { throw Error(name(s, "d: this gradient quantizer is not lowered")); }
void Step::method_update(int s) { throw Error(name(s, "w: this optimizer is not lowered")); }

}  // namespace bitloom
