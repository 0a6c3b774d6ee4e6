#pragma once

namespace bitloom {

/// Returns the one object of a class whose objects keep nothing.
template <class T>
const T& object_of() {
  static const T object;
  return object;
}

}  // namespace bitloom
