"""What runs in the containers: pipes around programs. Python 3.8 syntax, so that the images of 2023 read it too."""
