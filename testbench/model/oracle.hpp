#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom::test {

/// One array of traces/oracle/float, as doubles.
struct OracleArray {
  std::vector<int> shape;
  std::vector<double> values;

  std::vector<float> floats() const { return {values.begin(), values.end()}; }
  /// Returns [a][channels][rows][columns] as [a][rows][columns][channels].
  OracleArray channels_last() const;
};

/// Reads arrays of one case. Throws where there is none of that name.
class OracleCase {
 public:
  explicit OracleCase(const std::string& name);
  OracleArray operator[](const std::string& array) const;
  /// Returns a number, or a list of them, of the case's parameters.
  std::vector<int> parameter(const std::string& key) const;

  static std::vector<std::string> names(const std::string& group);

 private:
  std::string name_;
};

}  // namespace bitloom::test
