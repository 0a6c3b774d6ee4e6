# shellcheck shell=bash
# For scripts that source it.

# idx_folder FOLDER TRAIN TEST: the four files of a data set of black images of 28 x 28 and of class 0, with so many
# training and test images, each below 256.
idx_folder() {
  local set count
  mkdir -p -- "$1"
  for set in "train $2" "t10k $3"; do
    read -r set count <<<"$set"
    {
      printf '\0\0\10\3\0\0\0%b\0\0\0\34\0\0\0\34' "\\0$(printf '%o' "$count")"
      head -c $((count * 784)) /dev/zero
    } >"$1/$set-images-idx3-ubyte"
    {
      printf '\0\0\10\1\0\0\0%b' "\\0$(printf '%o' "$count")"
      head -c "$count" /dev/zero
    } >"$1/$set-labels-idx1-ubyte"
  done
}
