"""Files of Keras 2, brought to Keras 3."""
