"""What the vendor's tools report of published designs, against what is predicted."""
