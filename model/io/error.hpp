#pragma once
#include <stdexcept>
#include <string>

namespace bitloom {

/// Every error that a user can cause. The message names the file or flag, the field, and what was expected.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace bitloom
